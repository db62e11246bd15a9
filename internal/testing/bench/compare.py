"""Uploads the same files to the same store by signpost and by every other installed program, in turns.

Usage: compare.py BENCH ROUNDS [all]. BENCH is the program of this folder. Each upload has a new bucket: of a new local
store, or with SIGNPOST_TEST_BUCKET of the store that the AWS SDK's settings name. It prints medians, and the ratio of
signpost's time to the other's. On Linux, it also prints the CPU time of the program, and of the process with API and
local store until it is idle again. Then it interrupts uploads on slow lines, and prints what they reported and what
the store kept.
"""
import concurrent.futures, contextlib, json, math, os, pathlib, re, shutil, signal, socket, statistics, subprocess, sys
import tempfile, time, urllib.request

BENCH, ROUNDS, ALL, KIB = sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["all"], 1 << 10
REMOTE = "SIGNPOST_TEST_BUCKET" in os.environ
MEMORY = 64  # MiB, of signpost
INTERRUPT = 15  # seconds after the start
REMOTE_LINE = (1000, 20)  # MiB/s, ms: to a store that is not on this machine
LINES = [(rate, latency) for rate in (1.25, 5, 10) for latency in (0, 200)]  # MiB/s, ms
ENV = {name: value for name, value in os.environ.items() if not re.match("AWS_|SIGNPOST_|RCLONE_|MC_", name)}


@contextlib.contextmanager
def running(*command, env=ENV):
    """Runs a command until the end of the block. Yields the process; first is the first line of its output."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=log)
        try:
            process.first = process.stdout.readline()
            if not process.first:
                log.seek(0)
                raise SystemExit(f"{' '.join(command)} has ended: {log.read().decode()}")
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


@contextlib.contextmanager
def new_store(folder):
    """Yields settings of signpost serve, and how other programs access the same bucket."""
    if REMOTE:
        with running(BENCH, "-bucket", env=os.environ) as holder:
            store = json.loads(holder.first)
            yield {"SIGNPOST_BUCKET": store["bucket"], "SIGNPOST_PATH_STYLE": "true",
                   "SIGNPOST_ALLOW_UNSIGNED_HEADERS": "true"}, store
        return
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        local = "127.0.0.1:%d" % port.getsockname()[1]
    settings = {"SIGNPOST_DATA_DIR": str(folder), "SIGNPOST_LOCAL_LISTEN": local}
    with running("bin/signpost", "serve", env={**ENV, "SIGNPOST_LISTEN": "127.0.0.1:0", **settings}):
        key, secret = re.findall(r"^aws_\w+ = (.+)$", (folder / "credentials").read_text(), re.M)
    yield settings, {"endpoint": "http://" + local, "region": "us-east-1", "bucket": "signpost", "key": key,
                     "secret": secret, "token": ""}


class Service:
    """signpost serve on a new bucket, which clients reach by a line of this rate in MiB/s and latency in ms."""

    def __init__(self, process, folder, store):
        self.process, self.server = process, re.search(r"http://[\d.:]+", process.first)[0]
        self.endpoint, self.key, self.secret = store["endpoint"], store["key"], store["secret"]
        self.host = self.endpoint.split("://")[1]
        self.to = f"s3://{store['bucket']}/bench/"
        self.env = {**ENV, **aws_variables(store), "HOME": str(folder), "RCLONE_S3_PROVIDER": "Other",
                    "RCLONE_S3_ENDPOINT": self.endpoint, "RCLONE_LOG_LEVEL": "ERROR",
                    "RCLONE_S3_ENV_AUTH": "true", "RCLONE_S3_REGION": store["region"], "MC_CONFIG_DIR": str(folder),
                    "MC_HOST_store": self.endpoint.replace("://", f"://{self.key}:{self.secret}@")}

    @classmethod
    @contextlib.contextmanager
    def start(cls, work, line=None):
        with tempfile.TemporaryDirectory(dir=work) as folder, contextlib.ExitStack() as stack:
            folder = pathlib.Path(folder)
            settings, store = stack.enter_context(new_store(folder))
            env = {**ENV, **(aws_variables(store) if REMOTE else {}), "SIGNPOST_LISTEN": "127.0.0.1:0", **settings}
            if line:
                flags = f"-rate={line[0] * KIB * KIB}", f"-latency={line[1]}ms"
                url = stack.enter_context(running(BENCH, "-line", store["endpoint"], *flags)).first.strip()
                env["SIGNPOST_PUBLIC_ENDPOINT"], store = url, {**store, "endpoint": url}
            yield cls(stack.enter_context(running("bin/signpost", "serve", env=env)), folder, store)

    def cpu(self):
        """Returns the CPU time of the process in seconds, once it is idle."""
        stat, last = pathlib.Path(f"/proc/{self.process.pid}/stat"), None
        while stat.exists():
            fields = stat.read_text().rpartition(")")[2].split()
            if (now := (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")) == last:
                return now
            last = now
            time.sleep(0.5)
        return math.nan

    def call(self, path, method="GET"):
        with urllib.request.urlopen(urllib.request.Request(self.server + path, method=method)) as answer:
            return json.load(answer)


def aws_variables(store):
    variables = {"AWS_ACCESS_KEY_ID": store["key"], "AWS_SECRET_ACCESS_KEY": store["secret"],
                 "AWS_SESSION_TOKEN": store["token"], "AWS_REGION": store["region"],
                 "AWS_ENDPOINT_URL_S3": store["endpoint"], "AWS_CONFIG_FILE": "/dev/null"}
    return {name: value for name, value in variables.items() if value}


# The commands that upload the file or folder at p. None: the program does not upload folders.
SIGNPOST = lambda s, p, *a: ["bin/signpost", "upload", "--server", s.server, "--quiet", *a, p]
AWS = lambda s, p, *a: ["aws", "--endpoint-url", s.endpoint, "s3", "cp", "--only-show-errors", *a, p, s.to]
MC = lambda s, p, *a: ["mc", "cp", "--quiet", *a, p, s.to.replace("s3://", "store/")]
S5CMD = lambda s, p: ["s5cmd", "--endpoint-url", s.endpoint, "--log", "error", "cp", p, s.to]
S3CMD = lambda s, p, *a: ["s3cmd", "--host=" + s.host, "--host-bucket=" + s.host, "--quiet", "--access_key=" + s.key,
                          "--secret_key=" + s.secret, "--no-ssl" if s.endpoint.startswith("http:") else "--ssl",
                          "put", *a, p, s.to]
RCLONE = lambda s, p: ["rclone", "copy", p, s.to.replace("s3://", ":s3:")]
TOOLS = {
    "signpost": (SIGNPOST, lambda s, p: SIGNPOST(s, p, "-r")),
    "curl": (lambda s, p: ["curl", "-sf", "--upload-file", p, s.call("/import", "POST")["upload_url"]], None),
    "aws": (AWS, lambda s, p: AWS(s, p, "--recursive")),
    "s5cmd": (S5CMD, lambda s, p: S5CMD(s, p + "/")),
    "s3cmd": (S3CMD, lambda s, p: S3CMD(s, p, "--recursive")),
    "rclone": (RCLONE, RCLONE),
    "mc": (MC, lambda s, p: MC(s, p + "/", "--recursive")),
}


def is_installed(tool):
    if tool == "mc" and shutil.which(tool):  # otherwise it is Midnight Commander
        return b"mc version" in subprocess.run([tool, "--version"], capture_output=True).stdout
    return tool == "signpost" or bool(shutil.which(tool))


def measure(command, service):
    """Runs a command. Returns its seconds, its CPU time, that of the service, and its peak memory in MiB."""
    before, began = service.cpu(), time.monotonic()
    process = subprocess.Popen(command, env=service.env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]}: status {process.returncode}")
    took = time.monotonic() - began
    return took, usage.ru_utime + usage.ru_stime, service.cpu() - before, usage.ru_maxrss / KIB


def compare(what, kind, path, goal, work, line=None):
    runs = {tool: [] for tool in installed if TOOLS[tool][kind == "folder"]}
    for _ in range(ROUNDS):
        for tool in runs:
            with Service.start(work, line) as service:
                command = TOOLS[tool][kind == "folder"](service, str(path))
                runs[tool].append(measure(command, service))
    medians = {tool: [statistics.median(figures) for figures in zip(*r)] for tool, r in runs.items()}
    memory = {tool: max(m for *_, m in r) for tool, r in runs.items()}
    for tool, (seconds, client, server, _) in medians.items():
        ratio, bound = medians["signpost"][0] / seconds, "" if tool in ("signpost", "curl") else f"≤ {goal}"
        print(f"{what:26} {tool:8} {ratio:6.2f}  {bound:6} {'missed' if bound and ratio > goal else '':7}"
              f"{seconds:8.2f} s {client:8.2f} s {server:8.2f} s {memory[tool]:6.0f} MiB", flush=True)
    print(f"{'  peak memory, MiB':35} {memory['signpost']:6.0f}  ≤ {MEMORY}", flush=True)


def interrupt(work, path, line):
    """Interrupts an upload on a slow line. Returns the bytes that it showed as sent, reported and kept, and the seconds
    from the interrupt to its end."""
    with Service.start(work, line) as service:
        command = ["bin/signpost", "upload", "--server", service.server, "--json", str(path)]
        process = subprocess.Popen(command, env=service.env, text=True, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL)
        with concurrent.futures.ThreadPoolExecutor(1) as reader:
            output = reader.submit(lambda: [json.loads(line) for line in process.stdout])
            time.sleep(INTERRUPT)
            process.send_signal(signal.SIGINT)
            interrupted = time.monotonic()
            events = output.result()
            process.wait()
        took = time.monotonic() - interrupted
        draining = next((i for i, e in enumerate(events) if e["event"] in ("draining", "failed")))
        shown = [e for e in events[:draining] if e["event"] == "progress"][-1]
        parts = service.call(f"/import/{shown['id']}/parts?limit=1000")["parts"]
        return shown["bytes"], shown.get("sending", 0), events[-1]["bytes"], sum(p["size"] for p in parts), took


def interrupt_all(work, path):
    print(f"\nslow line, interrupted after {INTERRUPT} s: MiB\n{'line':20} {'stored':>7} {'sending':>8} "
          f"{'in the end':>11} {'kept':>6}  kept / shown   end after", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(LINES)) as pool:
        for (rate, latency), result in zip(LINES, pool.map(lambda line: interrupt(work, path, line), LINES)):
            stored, sending, end, kept = (n / KIB / KIB for n in result[:4])
            print(f"{rate:5} MiB/s {latency:4} ms {stored:8.1f} {sending:8.1f} {end:11.1f} {kept:6.1f} "
                  f"{kept / (stored + sending):13.2f} {result[4]:9.1f} s", flush=True)


with tempfile.TemporaryDirectory() as folder:
    work, installed = pathlib.Path(folder), [tool for tool in TOOLS if is_installed(tool)]
    block = bytes(i * 7 & 255 for i in range(KIB * KIB))
    with open(work / "large", "wb") as large:
        for _ in range(2 * KIB):
            large.write(block)
    for count, size in (500, 64 * KIB), (10_000, 4 * KIB):
        (work / str(count)).mkdir()
        for i in range(count):
            (work / str(count) / f"{i:05}.bin").write_bytes(block[:size])
    print(f"medians of {ROUNDS}; missing here:", *[tool for tool in TOOLS if tool not in installed])
    print(f"{'upload of':26} {'beside':8} {'ratio':>6}  goal             time  its CPU  service CPU  memory")
    compare("1 file of 2 GiB", "file", work / "large", 1, work)
    compare("500 files of 64 KiB", "folder", work / "500", 1.25, work)
    compare("500 files, latency 20 ms", "folder", work / "500", 1.25, work, REMOTE_LINE)
    if ALL:
        compare("10,000 files of 4 KiB", "folder", work / "10000", 1.25, work)
    interrupt_all(work, work / "large")
