package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/assembly"
)

// binary is the program that make build creates.
const binary = "bin/signpost"

// TestMain runs the benchmarks, or one of the servers that are measured in their own process.
func TestMain(m *testing.M) {
	if _, err := os.Stat("go.mod"); err != nil { // go test runs in the package's folder, command bench in the root
		if err := os.Chdir("../../.."); err != nil {
			panic(err)
		}
	}
	if kind := os.Getenv("BENCH_SERVER"); kind != "" {
		if err := serve(kind); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// serve serves the service on a store in memory, that store alone, or Echo with constant responses of BENCH_BODY bytes.
func serve(kind string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if kind == "store" {
		return serveStore(ctx)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("bench at http://" + listener.Addr().String())
	if kind != "memory" {
		size, err := strconv.Atoi(os.Getenv("BENCH_BODY"))
		if err != nil {
			return err
		}
		return serveEcho(ctx, listener, size, kind == "middleware")
	}
	s, err := newService(ctx, assembly.NewLogger(os.Stderr))
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// process is a measured server.
type process struct {
	url string
	pid int
}

// startChild starts the server of this program with that value of BENCH_SERVER, and these variables.
func startChild(b testing.TB, kind string, env ...string) process {
	return start(b, append(env, "BENCH_SERVER="+kind), os.Args[0])
}

// startStore starts the program with its local store. It returns the variables of a service on a bucket of that store:
// not on the program's own bucket, because the program completes the imports in it.
func startStore(b testing.TB) []string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address, data := listener.Addr().String(), b.TempDir()
	listener.Close()
	startService(b, []string{"SIGNPOST_DATA_DIR=" + data, "SIGNPOST_LOCAL_LISTEN=" + address})
	credentials := filepath.Join(data, "credentials")
	settings, err := awsconfig.LoadDefaultConfig(b.Context(), awsconfig.WithRegion("us-east-1"),
		awsconfig.WithSharedCredentialsFiles([]string{credentials}), awsconfig.WithBaseEndpoint("http://"+address))
	if err != nil {
		b.Fatal(err)
	}
	client := s3.NewFromConfig(settings, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(b.Context(), &s3.CreateBucketInput{Bucket: aws.String("bench")}); err != nil {
		b.Fatal(err)
	}
	keys, err := settings.Credentials.Retrieve(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return []string{
		"SIGNPOST_BUCKET=bench", "SIGNPOST_PATH_STYLE=true", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL_S3=http://" + address,
		"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey,
	}
}

// startService starts the program as a service with these variables.
func startService(b testing.TB, env []string) process {
	b.Helper()
	return start(b, env, binary, "serve", "--listen", "127.0.0.1:0")
}

// start starts a program, whose first line of output contains its address. The benchmark's end stops it.
func start(b testing.TB, env []string, program string, args ...string) process {
	b.Helper()
	c := exec.Command(program, args...)
	c.Env = append(os.Environ(), env...)
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	c.Stderr = log
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	url := regexp.MustCompile(`http://[\d.:]+`).FindString(line)
	if url == "" {
		text, _ := os.ReadFile(log.Name())
		b.Fatalf("%s printed %q (%v)\n%s", program, line, err, text)
	}
	return process{url, c.Process.Pid}
}

// cpu returns the CPU time of p.
func (p process) cpu(b testing.TB) time.Duration {
	b.Helper()
	// utime and stime, proc(5), in ticks of 10 ms; the name in parentheses may contain spaces
	times := p.proc(b, "stat", `\) .(?: \S+){10} (\d+) (\d+) `)
	return time.Duration(times[0]+times[1]) * 10 * time.Millisecond
}

// memory returns p's resident set, VmRSS, or its peak, VmHWM, in MiB.
func (p process) memory(b testing.TB, name string) float64 {
	b.Helper()
	return float64(p.proc(b, "status", name+`:\s+(\d+) kB`)[0]) / 1024
}

// proc returns the numbers that pattern finds in a file of /proc.
func (p process) proc(b testing.TB, file, pattern string) (numbers []int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.pid, file))
	if err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindSubmatch(text)
	if found == nil {
		b.Fatalf("/proc/%d/%s has no %s", p.pid, file, pattern)
	}
	for _, digits := range found[1:] {
		n, _ := strconv.Atoi(string(digits)) // the pattern matches digits only
		numbers = append(numbers, n)
	}
	return numbers
}
