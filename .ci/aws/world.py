"""A stand-in for AWS, shared by the tests of this folder: moto, and an aws command that records stack deployments.

moto's own CloudFormation knows no stages, API keys or API bodies. moto evaluates neither presigned URLs nor conditions
of policies, and runs no function; the tests of cmd/lambda do that.
"""
import atexit, contextlib, functools, os, pathlib, re, shutil, signal, socket, subprocess, tempfile, time, unittest
import urllib.request

try:
    import boto3, yaml
    from botocore.config import Config
except ImportError:
    boto3 = yaml = None

ROOT = pathlib.Path(__file__).parents[2]
STACK = BUCKET = "signpost-e2e"
REGION, ACCOUNT = "eu-west-1", "123456789012"
os.chdir(ROOT)


def free_address():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return "http://127.0.0.1:%d" % s.getsockname()[1]


MOTO, API = free_address(), free_address()  # the service listens at API in place of API Gateway

# Nothing reaches a real account, neither by settings nor by credentials.
for name in [n for n in os.environ if n.startswith(("AWS_", "SIGNPOST_"))]:
    del os.environ[name]
os.environ.update(
    AWS_ENDPOINT_URL=MOTO, AWS_ENDPOINT_URL_SSM=MOTO,  # the service reads the first as the store's
    AWS_ACCESS_KEY_ID="operator", AWS_SECRET_ACCESS_KEY="secret", AWS_REGION=REGION, AWS_DEFAULT_REGION=REGION,
    AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", AWS_PAGER="")

WORK = pathlib.Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, WORK)


def start():
    """Starts moto."""
    install = "pip install awscli boto3 cfn-lint 'moto[server]'"
    require("the deployment", "aws", "cfn-lint", "moto_server", install=install)
    moto()


def require(subject, *tools, install):
    """Skips the module's tests, which check subject, where a tool is missing, and fails them if CI=true."""
    missing = [tool for tool in tools if not works(tool)] + ["boto3"] * (boto3 is None)
    if missing:
        text = f"{subject} is NOT checked: {missing} missing: .ci/run installs them, as does {install}"
        raise AssertionError(text) if os.environ.get("CI") == "true" else unittest.SkipTest(text)


def works(tool):
    return shutil.which(tool) and any(run(tool, flag, check=False).returncode == 0 for flag in ("--version", "--help"))


@functools.cache
def moto():
    with open(WORK / "moto", "w") as log:
        server = subprocess.Popen(["moto_server", "-p", MOTO.rsplit(":")[-1]], stdout=log, stderr=log)
    atexit.register(stop, server)
    wait_for(MOTO + "/moto-api/", server, WORK / "moto")
    for bucket in "artifacts", "my-artifacts":
        client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})


def wait_for(url, process, log):
    for _ in range(300):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(url).close()
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"{process.args} does not start:\n{log.read_text()}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    process.wait(30)


@contextlib.contextmanager
def permissions_enforced():
    """Lets moto deny what policies do not allow; otherwise it allows all calls."""
    def unchecked_calls(n):
        urllib.request.urlopen(urllib.request.Request(MOTO + "/moto-api/reset-auth", n, {"Content-Type": "text/plain"}))
    unchecked_calls(b"0")
    try:
        yield
    finally:
        unchecked_calls(b"inf")


def client(service, **credentials):
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
    return boto3.client(service, config=config, **credentials)


def run(*command, check=True, env=None, **options):
    """Runs a command, also inside make, as if outside. A failure shows all its output."""
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(command, text=True, capture_output=True, env={**outside, **(env or {})}, **options)
    if check and done.returncode:
        raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


# The aws command that make deploy finds: CloudFormation's deploy is recorded, outputs are constant, moto does the rest.
FAKE_AWS = """#!/usr/bin/env bash
case "$1 $2 $*" in
  'cloudformation deploy '*' --stack-name refused-'*)
    echo deploy >>DELETED
    [[ $* == *refused-once* && $(grep -c '^deploy$' DELETED) == 2 ]] ;;
  'cloudformation deploy '*' --stack-name rejected '*) echo 'Parameter ObjectDays failed' >&2; exit 254 ;;
  'cloudformation describe-stack'*' --stack-name rejected '*) echo 'Stack rejected does not exist' >&2; exit 254 ;;
  'cloudformation describe-stack-events '*StackEvents[[]0]*) echo 2026-10-31T00:00:00.000Z ;;
  'cloudformation describe-stack-events '*'-name refused-'[ot]*"Timestamp > '2026-10-31T00:00:00.000Z' && "*)
    printf 'FailedInvocations\tThe execution role does not have permissions to call SendMessage on SQS\n' ;;
  'cloudformation describe-stack-events '*) printf 'Bucket\tYou have reached the limit of buckets\n' ;;
  'cloudformation describe-stacks '*StackStatus*) echo ROLLBACK_COMPLETE ;;
  'cloudformation deploy '*) printf '%s\\n' "$@" >DEPLOYED ;;
  'cloudformation describe-stacks '*'--output table') echo Outputs ;;
  'cloudformation describe-stacks '*FailuresQueue*) echo QUEUE ;;
  'cloudformation describe-stacks '*without-outputs*) echo None ;;
  'cloudformation describe-stacks '*Url*) echo API ;;
  'cloudformation describe-stacks '*Bucket*) echo BUCKET ;;
  'cloudformation describe-stacks '*ApiKeyId*) echo KEY ;;
  'cloudformation delete-stack '* | 'cloudformation wait '*) printf '%s\\n' "$*" >>DELETED ;;
  'sqs '*) exec AWS --endpoint-url "$AWS_ENDPOINT_URL" "$@" ;; # version 1 of the command ignores the variable
  *) exec AWS "$@" ;;
esac
"""
# The make command that make deploy finds: the first deployment builds the program and the function, and the others use
# them. test_build compares two builds of the same sources.
FAKE_MAKE = """#!/usr/bin/env bash
if [[ $* == '--no-print-directory lambda build' ]]; then
  [[ -e BUILT ]] || { MAKE "$@" && touch BUILT; }
  exit
fi
exec MAKE "$@"
"""
QUEUE = f"{MOTO}/{ACCOUNT}/failures"
BUILT, DEPLOYED, DELETED = WORK / "built", WORK / "deployed", WORK / "deleted"


@functools.cache
def path():
    """Returns a PATH on which aws is FAKE_AWS, and make is FAKE_MAKE."""
    key = client("apigateway").create_api_key(name="e2e", enabled=True)["id"]
    folder = WORK / "bin"
    folder.mkdir()
    values = {"API": API, "BUCKET": BUCKET, "KEY": key, "QUEUE": QUEUE, "DEPLOYED": DEPLOYED, "DELETED": DELETED,
              "BUILT": BUILT, "AWS": shutil.which("aws"), "MAKE": shutil.which("make")}
    for name, script in ("aws", FAKE_AWS), ("make", FAKE_MAKE):
        command = folder / name
        command.write_text(re.sub(rf"\b({'|'.join(values)})\b", lambda m: str(values[m[1]]), script))
        command.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def make(*arguments, check=True):
    return run("make", "--no-print-directory", *arguments, env={"PATH": path()}, check=check)


class Deployment:
    """The result of make deploy: the packaged template, the spec, the printed text, and the passed parameters."""

    def __init__(self, *arguments):
        self.printed = make("deploy", f"STACK={STACK}", "ARTIFACTS=artifacts", *arguments).stdout
        self.template = pathlib.Path("bin/deploy/packaged.yaml").read_text()
        self.spec = pathlib.Path("bin/deploy/openapi.yaml").read_text()
        self.parameters = deployed_parameters()
        packaged = WORK / "packaged.yaml"
        packaged.write_text(self.template)
        run("cfn-lint", packaged)

    def commands(self):
        """Returns the commands that make deploy prints."""
        return re.findall(r"(?m)^  (.+)\n", self.printed.split("Try it:")[1])


def deployed_parameters():
    return dict(line.split("=", 1) for line in DEPLOYED.read_text().splitlines() if re.match(r"[A-Z]\w+=", line))


KEYED = ("PARAMS=CorsOrigins=https://a.example.com,https://b.example.com ObjectDays=30 ReservedConcurrency=20"
         f" UseSigningRole=true KmsKeyArn=arn:aws:kms:{REGION}:{ACCOUNT}:key/0198c5a4-7b1e"
         " WebhookSecretsParameter=/signpost/webhook-secrets")
deployment = functools.cache(Deployment)


def readme_commands(*headings):
    """Returns the commands in these sections of the README on AWS."""
    return "".join(block for heading in headings for block in readme_blocks(heading, "sh"))


def readme_blocks(heading, language):
    """Returns the blocks of code in a section of the README on AWS."""
    text = pathlib.Path("cmd/lambda/README.md").read_text()
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"(?s)```{language}\n(.*?)```", section)
