# make run: the service on its local store. make test: every test. make help: the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help run build test check generate drift bench soak e2e lambda deploy undeploy

help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

run: build ## Run the service on its local store; settings come from the environment.
	@exec bin/signpost serve

build: ## Build the static binary bin/signpost.
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/signpost ./cmd/signpost

test: ## Run every test.
	go test ./...

generate: ## Make gen/ anew from openapi/openapi.yaml.
	rm -rf gen && mkdir -p gen/api gen/client
	go generate ./openapi

drift: generate
	@test -z "$$(git status --porcelain gen)" || { git status --porcelain gen; echo 'gen/ is not what openapi.yaml generates: commit the result of make generate'; exit 1; }

check: drift ## Everything that must be clean: generated code, modules, format, vet, staticcheck, vulnerabilities, races.
	go mod tidy -diff
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck ./...
	@go run golang.org/x/vuln/cmd/govulncheck ./... || { status=$$?; \
	  if curl -sf --max-time 10 -o /dev/null https://vuln.go.dev/index/db.json; then exit $$status; \
	  else echo 'govulncheck: its database cannot be reached from here; nothing was checked'; fi; }
	go test -race -timeout 30m ./...
	@$(MAKE) --no-print-directory outdated

outdated: ## List the direct dependencies that have a newer version; it never fails.
	@direct=$$(go list -m -f '{{if not (or .Main .Indirect)}}{{.Path}}{{end}}' all); \
	  newer=$$(go list -m -u -f '{{if .Update}}  {{.Path}} {{.Version}} -> {{.Update.Version}}{{end}}' $$direct) || \
	    { echo 'outdated: the Go proxy cannot be reached from here; nothing was checked'; exit 0; }; \
	  test -z "$$newer" || printf 'Newer versions of direct dependencies (go get MODULE@VERSION):\n%s\n' "$$newer"

bench: build ## Measure, side by side in one run, what a request costs; ONLY=upload: uploads, beside other tools that are here.
	@go run ./internal/testing/bench $(if $(ONLY),-only $(ONLY))

DURATION ?= 20m

soak: ## Run two servers on one store for DURATION, 20m when left out, killing and restarting them under load; nothing may be lost.
	@go run ./internal/testing/soak -duration $(DURATION)

e2e: build ## Run the suite against a store in another process, large uploads, deliveries, a minute of soak, what of AWS can be checked without it, and front ends.
	@.ci/e2e

lambda: ## Build the Lambda function, bin/lambda.zip: of the same sources, the same bytes.
	GOOS=linux GOARCH=arm64 GOARM64=v8.0 CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags lambda.norpc -ldflags '-s -w -buildid=' -o bin/bootstrap ./cmd/lambda
	@go run cmd/lambda/zip.go bin/lambda.zip bin/bootstrap

# output tells one of the stack's outputs.
output = aws cloudformation describe-stacks --stack-name '$(STACK)' --query "Stacks[0].Outputs[?OutputKey=='$(1)'].OutputValue" --output text

# What is deployed is put together in bin/deploy, laid out as this folder is: the template names files beside it. Its Deployment is
# named after a hash of spec and template, for API Gateway goes on serving what the Deployment of an older name copied.
deploy: ## Deploy to AWS: STACK=name ARTIFACTS=bucket [ANONYMOUS=1] [PARAMS='Key=Value …']; see README.
	@test -n '$(STACK)' -a -n '$(ARTIFACTS)' || { echo "usage: make deploy STACK=name ARTIFACTS=bucket [ANONYMOUS=1] [PARAMS='Key=Value …']"; exit 2; }
	@case '$(ANONYMOUS)' in ''|1) ;; *) echo 'ANONYMOUS is 1, or not set at all'; exit 2;; esac
	@command -v aws >/dev/null || { echo 'make deploy needs the aws command: https://aws.amazon.com/cli/'; exit 2; }
	@$(MAKE) --no-print-directory lambda build
	@rm -rf bin/deploy && mkdir -p bin/deploy/cmd/lambda bin/deploy/openapi bin/deploy/bin
	@cp bin/lambda.zip bin/deploy/bin
	@bin/signpost spec $(if $(ANONYMOUS),--anonymous) >bin/deploy/openapi/openapi.yaml
	@hash=$$(cat bin/deploy/openapi/openapi.yaml cmd/lambda/template.yaml | git hash-object --stdin | cut -c 1-12); \
	  sed "s/DeploymentOfSpec/DeploymentOf$$hash/" cmd/lambda/template.yaml >bin/deploy/cmd/lambda/template.yaml
	@aws cloudformation package --template-file bin/deploy/cmd/lambda/template.yaml --s3-bucket '$(ARTIFACTS)' --s3-prefix '$(STACK)' \
	  --output-template-file bin/deploy/packaged.yaml >/dev/null
	@role=$$(aws apigateway get-account --query cloudwatchRoleArn --output text); \
	  case "$$role" in arn:*) role=keep;; *) role=create;; esac; \
	  aws cloudformation deploy --stack-name '$(STACK)' --template-file bin/deploy/packaged.yaml --capabilities CAPABILITY_IAM \
	    --no-fail-on-empty-changeset --parameter-overrides Anonymous=$(if $(ANONYMOUS),true,false) GatewayLogRole=$$role $(PARAMS)
	@url=$$($(call output,Url)); bucket=$$($(call output,Bucket)); key=$$($(call output,ApiKeyId)); \
	  printf '\nThe API is at %s. Try it:\n\n' "$$url"; \
	  if test -n '$(ANONYMOUS)'; then \
	    echo "  url=\$$(curl -s -X POST $$url/import | cut -d '\"' -f 4)"; \
	    echo "  curl --upload-file README.md \"\$$url\""; \
	    echo "  aws s3 ls --recursive s3://$$bucket/imports/"; \
	    printf '\nNobody is asked for a key. Whoever knows this address may upload, and you pay for what they do; only the throttle\n'; \
	    printf 'limits them. An import is read and deleted by whoever knows its id. make deploy without ANONYMOUS=1 ends that.\n'; \
	  else \
	    echo "  key=\$$(aws apigateway get-api-key --api-key $$key --include-value --query value --output text)"; \
	    echo "  url=\$$(curl -s -X POST -H \"x-api-key: \$$key\" $$url/import | cut -d '\"' -f 4)"; \
	    echo "  curl --upload-file README.md \"\$$url\""; \
	  fi

undeploy: ## Delete the stack STACK=name; says what that keeps.
	@test -n '$(STACK)' || { echo 'usage: make undeploy STACK=name'; exit 2; }
	@bucket=$$($(call output,Bucket)); \
	  aws cloudformation delete-stack --stack-name '$(STACK)'; \
	  aws cloudformation wait stack-delete-complete --stack-name '$(STACK)'; \
	  printf 'Stack %s is deleted. The bucket %s is kept, with its policy and all that was uploaded. To remove that too:\n\n' '$(STACK)' "$$bucket"; \
	  printf '  aws s3 rb --force s3://%s\n\n' "$$bucket"; \
	  echo 'Also kept are what make deploy put into the artifact bucket and, where it had to be made, the role that API Gateway writes'; \
	  echo 'the access logs of all APIs of this region with; aws apigateway get-account names it.'
