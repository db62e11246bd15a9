#!/usr/bin/env bash
# Deploys to AWS the stack $STACK with the template that package.sh writes, which describes the variables. Arguments are
# parameters of the template.
set -euo pipefail
cd "$(dirname "$0")/../.."

cmd/lambda/package.sh
FRONT=${FRONT:-rest}

# The role that writes access logs is a setting of the region: the stack creates it only if there is none.
log_role=$(aws apigateway get-account --query cloudwatchRoleArn --output text)
if [[ $log_role == arn:* ]]; then
  log_role=keep
else
  log_role=create
fi
anonymous=false
if [[ ${ANONYMOUS:-} ]]; then
  anonymous=true
fi
deploy() {
  aws cloudformation deploy --stack-name "$STACK" --template-file bin/deploy/packaged.yaml \
    --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
    --parameter-overrides Front="$FRONT" Anonymous=$anonymous GatewayLogRole=$log_role "$@"
}
events() { # QUERY
  aws cloudformation describe-stack-events --stack-name "$STACK" --no-paginate --output text --query "$1" 2>/dev/null
}
# explain prints the failures of this deployment, and deletes a stack that could not be created: it is empty, and cannot
# be deployed again. There is no stack if its parameters were rejected.
explain() {
  local status
  events "StackEvents[?Timestamp > '$newest' && ends_with(ResourceStatus, 'FAILED')]
    | [:10].[LogicalResourceId, ResourceStatusReason]"
  status=$(aws cloudformation describe-stacks --stack-name "$STACK" --query 'Stacks[0].StackStatus' --output text \
    2>/dev/null)
  if [[ $status == ROLLBACK_COMPLETE ]]; then
    aws cloudformation delete-stack --stack-name "$STACK"
    aws cloudformation wait stack-delete-complete --stack-name "$STACK"
    echo "The empty stack $STACK is deleted." >&2
  fi
}
newest=$(events "StackEvents[0].Timestamp || ''") || newest= # there is no stack yet
for attempt in 1 2; do
  deploy "$@" && break
  reasons=$(explain)
  [[ ! $reasons ]] || printf '%s\n' "$reasons" >&2
  # Services may refuse a role for some seconds after it was created.
  if ((attempt == 2)) || ! grep -qE 'does not have (the )?(required )?permissions|cannot be assumed' <<<"$reasons"; then
    exit 1
  fi
  echo 'A new role was refused. This deploys once more.' >&2
done

output() { # NAME
  aws cloudformation describe-stacks --stack-name "$STACK" --output text \
    --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue"
}
url=$(output Url)
printf '\nThe API is at %s. Try it:\n\n' "$url"
if [[ $FRONT == http && ! ${ANONYMOUS:-} ]]; then
  cat <<END
  url=\$(curl -s -X POST -H "Authorization: Bearer \$token" $url/import | cut -d '"' -f 4)
  curl --upload-file README.md "\$url"

\$token is an access token of $ISSUER for $AUDIENCE.
END
elif [[ ${ANONYMOUS:-} ]]; then
  cat <<END
  url=\$(curl -s -X POST $url/import | cut -d '"' -f 4)
  curl --upload-file README.md "\$url"
  aws s3 ls --recursive s3://$(output Bucket)/imports/

This API requires no key or token. Anyone who knows its address can upload at your expense; only the throttle limits
them. Anyone who knows an import's id can read and delete it. To require a key or token again, run make deploy without
ANONYMOUS=1.
END
else
  cat <<END
  key=\$(aws apigateway get-api-key --api-key $(output ApiKeyId) --include-value --query value --output text)
  url=\$(curl -s -X POST -H "x-api-key: \$key" $url/import | cut -d '"' -f 4)
  curl --upload-file README.md "\$url"
END
fi
