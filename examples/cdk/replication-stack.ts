// The walkthrough from AWS CDK (v2): objects under `Tax` are replicated, encrypted, to another Region.
//
//   new ReplicationStack(app, 'TaxReplication', {
//     env: { region: 'us-east-1' },            // the source bucket's Region
//     sourceBucket: 'tax-documents',
//     destinationBucket: 'tax-documents-replica',
//     destinationRegion: 'us-west-2',
//   });
//
// The stack of template.yaml must be deployed in both Regions. Whoever deploys this one, normally CDK's
// CloudFormation execution role, needs lambda:InvokeFunction on its function. Tried with aws-cdk-lib 2.276.

import { Aws, CfnOutput, CustomResource, Duration, Fn, Stack, StackProps } from 'aws-cdk-lib';
import { Construct } from 'constructs';

export interface ReplicationStackProps extends StackProps {
  readonly sourceBucket: string;
  readonly destinationBucket: string;
  readonly destinationRegion: string;
  /** Name of the stack of template.yaml. */
  readonly replicationStack?: string;
}

export class ReplicationStack extends Stack {
  constructor(scope: Construct, id: string, props: ReplicationStackProps) {
    super(scope, id, props);

    const replication = new CustomResource(this, 'Replication', {
      resourceType: 'Custom::EncryptedReplication',
      serviceToken: Fn.importValue(`${props.replicationStack ?? 'encrypted-replication'}-ServiceToken`),
      // A little more than the function's own time limit: without it, CloudFormation waits an hour.
      serviceTimeout: Duration.seconds(960),
      properties: {
        SourceBucket: props.sourceBucket,
        Rules: [
          {
            Id: 'tax',
            Filter: { Prefix: 'Tax' },
            Destination: {
              Bucket: `arn:${Aws.PARTITION}:s3:::${props.destinationBucket}`,
              Region: props.destinationRegion,
            },
          },
        ],
      },
    });

    // For a bucket of the same stack, pass `bucket.bucketName` as SourceBucket: CDK then makes the
    // bucket first. Leave its own replication, and notifications of s3:Replication:* events, unset.
    new CfnOutput(this, 'ReplicaKmsKeyArns', { value: replication.getAttString('ReplicaKmsKeyArns') });
    new CfnOutput(this, 'Verification', { value: replication.getAttString('Verification') });
  }
}
