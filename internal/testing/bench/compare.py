"""Uploads the same files to the same store by signpost and by every other installed program, in turns.

Each upload has a new store. It prints medians, and the ratio of signpost's time to the other's.
"""
import contextlib, json, os, pathlib, re, shutil, socket, statistics, subprocess, tempfile, time, urllib.request

ROUNDS, LARGE, SMALL, SMALL_FILES = 3, 2 << 30, 64 << 10, 2000
GOALS = {"s5cmd": {"folder": 1.5}}  # else 1.0
MEMORY = 64  # MiB, of signpost
for name in [n for n in os.environ if n.startswith("AWS_")]:  # of another store
    del os.environ[name]


class Service:
    """signpost serve on a new local store."""

    def __init__(self, folder, process):
        self.server = re.search(r"http://[\d.:]+", process.stdout.readline())[0]
        self.folder, self.store = folder, "http://" + self.local
        self.key, self.secret = re.findall(r"^aws_\w+ = (.+)$", (folder / "credentials").read_text(), re.M)
        self.env = {**os.environ, "AWS_ACCESS_KEY_ID": self.key, "AWS_SECRET_ACCESS_KEY": self.secret,
                    "AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "HOME": str(folder),
                    "RCLONE_S3_PROVIDER": "Other", "RCLONE_S3_ENDPOINT": self.store, "RCLONE_CONFIG": str(folder / "none"),
                    "RCLONE_S3_ACCESS_KEY_ID": self.key, "RCLONE_S3_SECRET_ACCESS_KEY": self.secret}

    @classmethod
    @contextlib.contextmanager
    def start(cls, work):
        with tempfile.TemporaryDirectory(dir=work) as folder, socket.socket() as port:
            port.bind(("127.0.0.1", 0))
            cls.local = "127.0.0.1:%d" % port.getsockname()[1]
            port.close()
            env = {**os.environ, "SIGNPOST_DATA_DIR": folder, "SIGNPOST_LOCAL_LISTEN": cls.local,
                   "SIGNPOST_LISTEN": "127.0.0.1:0"}
            process = subprocess.Popen(["bin/signpost", "serve"], env=env, text=True, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
            try:
                yield cls(pathlib.Path(folder), process)
            finally:
                process.terminate()
                process.wait()

    def upload_url(self):
        with urllib.request.urlopen(urllib.request.Request(self.server + "/import", method="POST")) as answer:
            return json.load(answer)["upload_url"]


# The commands that upload the file or folder at p. None: the program does not upload folders.
TO = "s3://signpost/bench/"
SIGNPOST = lambda s, p, *a: ["bin/signpost", "upload", "--server", s.server, "--again", "--quiet", *a, p]
AWS = lambda s, p, *a: ["aws", "--endpoint-url", s.store, "s3", "cp", "--only-show-errors", *a, p, TO]
S5CMD = lambda s, p: ["s5cmd", "--endpoint-url", s.store, "--log", "error", "cp", p, TO]
S3CMD = lambda s, p, *a: ["s3cmd", "--host=" + s.store[7:], "--host-bucket=" + s.store[7:], "--no-ssl", "--quiet",
                          "--access_key=" + s.key, "--secret_key=" + s.secret, "put", *a, p, TO]
RCLONE = lambda s, p: ["rclone", "copy", p, ":s3:signpost/bench"]
TOOLS = {
    "signpost": (SIGNPOST, lambda s, p: SIGNPOST(s, p, "-r")),
    "curl": (lambda s, p: ["curl", "-sf", "--upload-file", p, s.upload_url()], None),
    "cp": (lambda s, p: ["cp", p, s.folder / "copy"], lambda s, p: ["cp", "-r", p, s.folder / "copy"]),
    "aws": (AWS, lambda s, p: AWS(s, p, "--recursive")),
    "s5cmd": (S5CMD, lambda s, p: S5CMD(s, p + "/")),
    "s3cmd": (S3CMD, lambda s, p: S3CMD(s, p, "--recursive")),
    "rclone": (RCLONE, RCLONE),
}


def measure(command, env):
    """Runs a command. Returns its seconds and its peak memory in MiB."""
    began = time.monotonic()
    process = subprocess.Popen(command, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: status {process.returncode}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def compare(what, kind, path, work):
    commands = {tool: c[kind == "folder"] for tool, c in TOOLS.items() if tool == "signpost" or shutil.which(tool)}
    runs = {tool: [] for tool, command in commands.items() if command}
    for _ in range(ROUNDS):
        for tool in runs:
            with Service.start(work) as service:
                runs[tool].append(measure(commands[tool](service, str(path)), service.env))
    seconds = {tool: statistics.median(s for s, _ in r) for tool, r in runs.items()}
    memory = {tool: max(m for _, m in r) for tool, r in runs.items()}
    for tool in list(runs)[1:]:
        ratio, goal = seconds["signpost"] / seconds[tool], GOALS.get(tool, {}).get(kind, 1.0)
        print(f"{what:32} {tool:8} {ratio:6.2f}  ≤ {goal:<4} {'missed' if ratio > goal else '':7}"
              f"{seconds['signpost']:7.2f} and {seconds[tool]:.2f} s; {memory['signpost']:.0f} and {memory[tool]:.0f} MiB",
              flush=True)
    print(f"{'  peak memory, MiB':41} {memory['signpost']:6.0f}  ≤ {MEMORY}", flush=True)


with tempfile.TemporaryDirectory() as folder:
    work = pathlib.Path(folder)
    block = bytes(i * 7 & 255 for i in range(1 << 20))
    with open(work / "large", "wb") as large:
        for _ in range(LARGE >> 20):
            large.write(block)
    (work / "files").mkdir()
    for i in range(SMALL_FILES):
        (work / "files" / f"{i:04}.bin").write_bytes(block[:SMALL])
    print(f"{'what':32} {'beside':8} {'ratio':>6}  goal          figures; missing here:",
          *[tool for tool in TOOLS if tool != "signpost" and not shutil.which(tool)])
    compare("upload of one file of 2 GiB", "file", work / "large", work)
    compare("upload of 2,000 files of 64 KiB", "folder", work / "files", work)
