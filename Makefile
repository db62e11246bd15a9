# make run: the service on its local store. make test: every test. make help: the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD := go build -ldflags '$(LDFLAGS)'

# Programs, tests and tools are compiled with the same settings, so that they share the compiled packages. go test does
# not vet, because make vet does.
export CGO_ENABLED := 0
export GOFLAGS := $(filter-out -trimpath -vet=off,$(shell go env GOFLAGS 2>/dev/null)) -trimpath -vet=off

.PHONY: help run build install test check generate drift compatible modules format vet staticcheck vulnerabilities \
  race words outdated bench soak e2e image stores cluster lambda package deploy undeploy

help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 12

run: build ## Run the service on its local store; settings come from the environment.
	@exec bin/signpost serve

build: ## Build the static binary bin/signpost.
	$(BUILD) -o bin/signpost ./cmd/signpost

install: ## Install signpost to GOBIN, by default the folder bin of GOPATH (~/go/bin).
	go install -ldflags '$(LDFLAGS)' ./cmd/signpost

test: vet ## Run every test.
	go test -timeout 30m ./...

generate: ## Generate gen/ from openapi/openapi.yaml and internal/web/client.
	rm -rf gen && mkdir -p gen/api gen/client
	go generate ./openapi ./internal/web

drift: generate
	@test -z "$$(git status --porcelain gen)" || { git status --porcelain gen; \
	  echo 'gen/ differs from what openapi.yaml generates: commit the result of make generate'; exit 1; }

check: drift ## Check gen, contract, modules, format, vet, staticcheck, vulnerabilities, races and words.
	@.ci/parts 'make words' 'make vet' 'make staticcheck' 'make vulnerabilities' 'make compatible' 'make modules' \
	  'make format' 'make outdated' 'make race'

# Tests of words, dependency directions and the contract. They run one after the other, without the race detector.
DOCUMENTS := ./internal ./openapi ./openapi/export

words:
	go test $(DOCUMENTS)

# Without this setting, every program with the race detector sleeps for 1 s when it ends.
race: export GORACE := atexit_sleep_ms=0
# The Go code of internal/web serves files; its tests run JavaScript in a browser.
race:
	CGO_ENABLED=1 go test -race -timeout 30m \
	  $$(go list ./... | grep -vxF "$$(go list $(DOCUMENTS) ./internal/web)")

vet:
	go vet ./...

staticcheck:
	go run honnef.co/go/tools/cmd/staticcheck ./...

vulnerabilities:
	@go run golang.org/x/vuln/cmd/govulncheck ./... || { status=$$?; \
	  if curl -sf --max-time 10 -o /dev/null https://vuln.go.dev/index/db.json; then exit $$status; \
	  else echo 'govulncheck: its database is unreachable; nothing was checked'; fi; }

modules:
	go mod tidy -diff

format:
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "gofmt: $$unformatted"; exit 1; }

compatible: ## Fail if the contract has a breaking change that openapi/breaking.txt does not declare.
	@.ci/compatible

outdated: ## List direct dependencies that have a newer version. It never fails.
	@direct=$$(go list -m -f '{{if not (or .Main .Indirect)}}{{.Path}}{{end}}' all); \
	  newer=$$(go list -m -u -f '{{if .Update}}  {{.Path}} {{.Version}} -> {{.Update.Version}}{{end}}' $$direct) || \
	    { echo 'outdated: the Go proxy is unreachable; nothing was checked'; exit 0; }; \
	  test -z "$$newer" || printf 'Newer versions of direct dependencies (go get MODULE@VERSION):\n%s\n' "$$newer"

bench: build ## Measure requests, the Lambda function and memory. ONLY=upload: uploads. ONLY=deliver: events.
	@go run ./internal/testing/bench $(if $(ONLY),-only $(ONLY)) $(FLAGS)

DURATION ?= 20m

soak: ## Run two servers on one store for DURATION (default 20m); kill and restart them under load; audit the bucket.
	@go run ./internal/testing/soak -duration $(DURATION)

e2e: build ## Test against a store in another process; large uploads, soak, deployments, image, front ends, linters.
	@.ci/e2e

image: ## Build the container image IMAGE=name:tag (default signpost:VERSION) with BUILDER=docker, podman or buildah.
	GOOS=linux $(BUILD) -o bin/image/signpost ./cmd/signpost
	@VERSION='$(VERSION)' cmd/signpost/deploy/image.sh

stores: build ## Test against the stores on the PATH: minio, weed, radosgw, rclone. ONLY=weed: one.
	@ONLY=$(ONLY) .ci/stores

cluster: build ## Upload to four MinIO nodes through two servers, while one of each is killed and started again.
	@.ci/cluster

lambda: ## Build the Lambda function, bin/lambda.zip. The same sources give the same bytes. TAGS=traces: with traces.
	GOOS=linux GOARCH=arm64 GOARM64=v8.0 go build -buildvcs=false \
	  -tags lambda.norpc$(TAGS:%=,%) -ldflags '-s -w -buildid=' -o bin/bootstrap ./cmd/lambda
	@go run cmd/lambda/zip.go bin/lambda.zip bin/bootstrap

# make exports the variables of its command line to these scripts.
package: ## Upload the function and the contract for CDK or Terraform: STACK=name ARTIFACTS=bucket; see cmd/lambda.
	@cmd/lambda/package.sh

deploy: ## Deploy to AWS: STACK=name ARTIFACTS=bucket [PARAMS='Key=Value …']; see cmd/lambda for the rest.
	@cmd/lambda/deploy.sh $(PARAMS)

undeploy: ## Delete the stack STACK=name, and print what remains.
	@cmd/lambda/undeploy.sh
