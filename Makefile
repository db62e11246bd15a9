# make run: the service on its local store. make test: every test. make help: the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)

.PHONY: help run build test check generate drift bench e2e

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
	go test -race ./...

bench: build ## Measure, side by side in one run, what a request costs; see README.
	@go run ./internal/bench

e2e: build ## Run the suite against a store in another process, by its address alone, then uploads of 2 GiB.
	@.ci/e2e
