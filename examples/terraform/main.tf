# The walkthrough from Terraform: objects under `Tax` are replicated, encrypted, to another Region.
#
# Only CloudFormation calls custom resources, so Terraform deploys a small stack. The stack of
# template.yaml must be deployed in this Region, and, to have the replicas checked, in the
# destination's too. Whoever applies this needs lambda:InvokeFunction on its function.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

# The source bucket's Region.
provider "aws" {
  region = "us-east-1"
}

variable "source_bucket" {
  type        = string
  description = "Name of the source bucket, in this Region."
}

variable "destination_bucket" {
  type        = string
  description = "Name of the destination bucket."
}

variable "destination_region" {
  type        = string
  default     = "us-west-2"
  description = "Region of the destination bucket."
}

variable "replication_stack" {
  type        = string
  default     = "encrypted-replication"
  description = "Name of the stack of template.yaml."
}

data "aws_partition" "current" {}

resource "aws_cloudformation_stack" "replication" {
  name = "tax-replication"

  # A destroy deletes the stack: replication ends, and buckets, keys and objects stay.
  template_body = jsonencode({
    Resources = {
      Replication = {
        Type = "Custom::EncryptedReplication"
        Properties = {
          ServiceToken = { "Fn::ImportValue" = "${var.replication_stack}-ServiceToken" }
          # A little more than the function's own time limit: without it, CloudFormation waits an hour.
          ServiceTimeout = 960
          SourceBucket   = var.source_bucket
          Rules = [
            {
              Id     = "tax"
              Filter = { Prefix = "Tax" }
              Destination = {
                Bucket = "arn:${data.aws_partition.current.partition}:s3:::${var.destination_bucket}"
                Region = var.destination_region
              }
            },
          ]
        }
      }
    }
    Outputs = {
      ReplicaKmsKeyArns = { Value = { "Fn::GetAtt" = ["Replication", "ReplicaKmsKeyArns"] } }
      Verification      = { Value = { "Fn::GetAtt" = ["Replication", "Verification"] } }
    }
  })

  timeouts {
    create = "30m"
    update = "30m"
    delete = "30m"
  }
}

output "replica_kms_key_arns" {
  value = aws_cloudformation_stack.replication.outputs["ReplicaKmsKeyArns"]
}

output "verification" {
  value = aws_cloudformation_stack.replication.outputs["Verification"]
}
