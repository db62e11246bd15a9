import json, os, subprocess, time, unittest, urllib.error, urllib.parse, urllib.request, uuid

import stack, world
from world import API, BUCKET, client, deployment

PART = os.urandom(5 << 20)


def setUpModule():
    """Starts the service as a process, with the function's environment and its role's credentials."""
    world.start()
    stack.bucket_rules()
    log = world.WORK / "service"
    environment = {**os.environ, **stack.service_environment()}
    with open(log, "w") as out:
        service = subprocess.Popen(["bin/signpost", "serve"], env=environment, stdout=out, stderr=out)
    unittest.addModuleCleanup(world.stop, service)
    world.wait_for(API + "/readyz", service, log)


class Service(unittest.TestCase):
    def call(self, want, method, path, body=None, **headers):
        """Sends a request, checks the status and returns the decoded response."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers} if data else headers
        request = urllib.request.Request(API + path, data, headers, method=method)
        try:
            answer = urllib.request.urlopen(request, timeout=30)
        except urllib.error.HTTPError as e:
            answer = e
        text = answer.read()
        self.assertEqual(answer.status, want, f"{method} {path}: {text}")
        return json.loads(text or "null")

    def status(self, job):
        return self.call(200, "GET", f"/import/{job['id']}")["status"]

    def test_doctor_accepts_the_rules_of_the_bucket(self):
        said = world.run("bin/signpost", "doctor", env=stack.service_environment(), check=False).stdout
        self.assertRegex(said, r"pass  lifecycle rules +abandoned uploads and old records are removed; "
                               r"objects\s+expire after 720h")
        self.assertRegex(said, r"pass  CORS rules +only https://a.example.com, https://b.example.com")

    def test_failed_invocations_are_listed_and_remain(self):
        """The commands of the README print the queue of failures, as Lambda and EventBridge write it, and empty it."""
        sqs, uploaded = client("sqs"), {"detail-type": "Object Created", "detail": {"object": {"key": "imports/a/b"}}}
        sqs.create_queue(QueueName="failures")
        sqs.send_message(QueueUrl=world.QUEUE, MessageBody=json.dumps({
            "version": "1.0", "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
            "requestPayload": uploaded, "responsePayload": {"errorMessage": "store unavailable"}}))
        sqs.send_message(QueueUrl=world.QUEUE, MessageBody=json.dumps({"detail-type": "Scheduled Event"}),
                         MessageAttributes={"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}})
        sqs.send_message(QueueUrl=world.QUEUE, MessageBody="by hand")
        output = "output() { aws cloudformation describe-stacks --query \"[?OutputKey=='$1']\"; }\n"
        read, purge = world.readme_blocks("How do I monitor it?", "sh")
        env = {**stack.service_environment(), "PATH": world.path()}
        for _ in range(2):
            said = world.run("bash", "-euc", output + read, env=env).stdout
            for text in ("Object Created imports/a/b\n  failed after 3 attempts: store unavailable\n",
                         "Scheduled Event\n  not delivered to the function: NO_PERMISSIONS\n",
                         "event\n  not delivered to the function: no reason was given\n"):
                self.assertIn(text, said)
        said = world.run("bash", "-euc", output + purge + read, env=env).stdout
        self.assertIn("no dead events", said)
        done = world.run("bin/signpost", "events", "dead", "--queue", world.QUEUE, "--bucket=", check=False,
                         env={"SIGNPOST_BUCKET": ""})
        self.assertEqual((done.returncode, "--queue requires --bucket" in done.stderr), (2, True), done.stderr)

    def test_printed_commands_upload(self):
        """make deploy prints three lines that work, with a key and without."""
        s3 = client("s3")
        for keyed, arguments in (True, (world.KEYED,)), (False, ("ANONYMOUS=1",)):
            commands = deployment(*arguments).commands()
            self.assertEqual(len(commands), 3)
            printed = world.run("bash", "-euc", "\n".join([*commands, 'echo "key ${key:-}"'])).stdout
            objects = s3.list_objects_v2(Bucket=BUCKET, Prefix="imports/public/")["Contents"]
            stored = [o for o in objects if o["Size"] > 10]  # the roles' tests leave smaller ones
            self.assertEqual([o["Size"] for o in stored], [os.path.getsize("README.md")])
            if keyed:
                self.assertGreaterEqual(len(printed.split("key ")[-1].strip()), 20)
            s3.delete_object(Bucket=BUCKET, Key=stored[0]["Key"])

    def test_life_of_imports_with_the_rights_of_the_role(self):
        """Creates, repeats, signs, lists parts, completes, reads and deletes.

        The role uploads in place of a client, because moto evaluates no presigned URL. The list of imports is left out:
        moto computes another signature for a query with a slash.
        """
        store = client("s3", **stack.session(stack.roles()[0]))
        with world.permissions_enforced():
            whole, partial = self.multipart(store, 2), self.multipart(store, 1)
            self.assertEqual(self.call(200, "POST", f"/import/{whole['id']}/complete", {})["status"], "completed")
            single = self.call(201, "POST", "/import", {"size": 3})
            self.assertEqual(self.status(single), "awaiting_upload")  # the service receives 404 for the missing object
            before = time.monotonic()
            self.call(200, "GET", f"/import/{single['id']}?wait=25")
            self.assertLess(time.monotonic() - before, 20, "LongPolling is false by default")
            store.put_object(Bucket=BUCKET, Key=single["object"]["key"], Body=b"abc")
            self.assertEqual(self.status(single), "completed")
            for job in whole, partial, single:
                self.call(204, "DELETE", f"/import/{job['id']}")
            self.assertEqual(self.status(whole), "aborted")
        self.assertNotIn("access denied", (world.WORK / "service").read_text().lower())

    def multipart(self, store, count):
        """Creates an import of two parts, twice with one Idempotency-Key, and uploads count of them."""
        plan = {"mode": "multipart", "size": 2 * len(PART), "part_size": len(PART), "filename": "e2e.bin"}
        key = {"Idempotency-Key": str(uuid.uuid4())}  # anonymous clients must send a random UUID
        job = self.call(201, "POST", "/import", plan, **key)
        self.assertEqual(self.call(201, "POST", "/import", plan, **key)["id"], job["id"])
        signed = self.call(200, "POST", f"/import/{job['id']}/parts", {"first": 1, "count": 2})["parts"]
        for p in signed[:count]:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(p["url"]).query)
            store.upload_part(Bucket=BUCKET, Key=job["object"]["key"], UploadId=query["uploadId"][0],
                              PartNumber=p["part_number"], Body=PART)
        self.assertEqual(len(self.call(200, "GET", f"/import/{job['id']}/parts")["missing"]), 2 - count)
        return job
