#!/usr/bin/env bash
# Deletes the stack $STACK, and prints what that keeps.
set -euo pipefail

if [[ -z ${STACK:-} ]]; then
  echo 'usage: make undeploy STACK=name' >&2
  exit 2
fi

bucket=$(aws cloudformation describe-stacks --stack-name "$STACK" --output text \
  --query "Stacks[0].Outputs[?OutputKey=='Bucket'].OutputValue")
if [[ -z $bucket || $bucket == None ]]; then # the stack has no such output, or no outputs at all
  cat >&2 <<END
The stack $STACK has no output Bucket: make deploy did not create it, or its creation failed. Nothing was deleted.
To delete it: aws cloudformation delete-stack --stack-name $STACK
END
  exit 1
fi

aws cloudformation delete-stack --stack-name "$STACK"
aws cloudformation wait stack-delete-complete --stack-name "$STACK"
cat <<END
The stack $STACK is deleted. Its bucket $bucket is kept, with its policy and all uploads. To delete it too:

  aws s3 rb --force s3://$bucket

Also kept are the files of make deploy in the artifact bucket and, if the stack created it, the role by which API
Gateway writes the access logs of all APIs of this region; aws apigateway get-account prints it.
END
