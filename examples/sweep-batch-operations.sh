#!/usr/bin/env bash
# Starts an S3 Batch Operations job that has the checker judge the replicas of a bucket.
#
#   sweep-batch-operations.sh --bucket tax-documents-replica [--prefix Tax/] [--stack sweep]
#                             [--manifest KEY] [--publish-compliant] [--region us-west-2]
#
# --stack is the stack of sweep-batch-operations.yaml for the bucket. Without --manifest, S3 lists
# the bucket's replicas itself; with it, the job takes a CSV of bucket, URL-encoded key and version
# id from that key of the evidence bucket. --publish-compliant also publishes compliant replicas, so
# that Security Hub archives what has been mended.
set -euo pipefail

bucket='' prefix='' stack=sweep manifest='' publish=false
while (($#)); do
  case $1 in
    --publish-compliant) publish=true && shift && continue ;;
    --bucket | --prefix | --stack | --manifest | --region) (($# > 1)) || { echo "$1 needs a value" >&2; exit 2; } ;;
  esac
  case $1 in
    --bucket) bucket=$2 ;;
    --prefix) prefix=$2 ;;
    --stack) stack=$2 ;;
    --manifest) manifest=$2 ;;
    --region) export AWS_REGION=$2 AWS_DEFAULT_REGION=$2 ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
  esac
  shift 2
done
[[ -n $bucket ]] || { echo "--bucket is missing" >&2; exit 2; }
[[ -z $manifest || -z $prefix ]] || { echo "--prefix does not go with --manifest" >&2; exit 2; }

output() {
  aws cloudformation describe-stacks --stack-name "$1" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$2'].OutputValue"
}
account=$(aws sts get-caller-identity --query Account --output text)
role=$(output "$stack" SweepRoleArn)
evidence=$(output "$stack" EvidenceBucketName)
name=$(output "$(output "$stack" ReplicationStackName)" CheckReplicaFunction)
function=$(aws lambda get-function-configuration --function-name "$name" --query FunctionArn --output text)
partition=$(cut -d: -f2 <<<"$role")
destination=arn:$partition:s3:::$evidence

operation=$(jq -n --arg function "$function" --arg publish "$publish" '{LambdaInvoke: {
  FunctionArn: $function, InvocationSchemaVersion: "2.0",
  UserArguments: {PublishCompliant: $publish}}}')
report=$(jq -n --arg bucket "$destination" --arg account "$account" --arg prefix "reports/$bucket" '{
  Enabled: true, Bucket: $bucket, Prefix: $prefix, Format: "Report_CSV_20180820",
  ReportScope: "AllTasks", ExpectedBucketOwner: $account}')
if [[ -n $manifest ]]; then
  etag=$(aws s3api head-object --bucket "$evidence" --key "$manifest" --query ETag --output text)
  objects=(--manifest "$(jq -n --arg arn "$destination/$manifest" --arg etag "${etag//\"/}" '{
    Spec: {Format: "S3BatchOperations_CSV_20180820", Fields: ["Bucket", "Key", "VersionId"]},
    Location: {ObjectArn: $arn, ETag: $etag}}')")
else
  objects=(--manifest-generator "$(jq -n --arg source "arn:$partition:s3:::$bucket" \
    --arg bucket "$destination" --arg account "$account" --arg prefix "$prefix" '{
    S3JobManifestGenerator: {
      SourceBucket: $source, ExpectedBucketOwner: $account, EnableManifestOutput: true,
      ManifestOutputLocation: {Bucket: $bucket, ExpectedManifestBucketOwner: $account,
        ManifestPrefix: "manifests", ManifestFormat: "S3InventoryReport_CSV_20211130"},
      Filter: ({ObjectReplicationStatuses: ["REPLICA"]}
        + if $prefix == "" then {} else {KeyNameConstraint: {MatchAnyPrefix: [$prefix]}} end)}}')")
fi

job=$(aws s3control create-job --account-id "$account" --no-confirmation-required --priority 10 \
  --role-arn "$role" --operation "$operation" --report "$report" "${objects[@]}" \
  --description "Judge the replicas in $bucket" \
  --client-request-token "$(date +%s)-$$" --query JobId --output text)
cat <<EOF
Job $job has started. How far it is:
  aws s3control describe-job --account-id $account --job-id $job --query Job.[Status,ProgressSummary]
Its report, when it is done:
  aws s3 ls --recursive s3://$evidence/reports/$bucket/job-$job/
EOF
