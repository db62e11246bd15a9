package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/signpost-s3/signpost/internal/bucket"
)

const (
	largeFile  = 2 << 30 // bytes
	smallFiles = 2000
	smallFile  = 64 << 10
	rounds     = 3
)

// uploader is a measured tool: its commands for a file and for a folder, nil if unsupported.
type uploader struct {
	name          string
	large, folder func(path string) *exec.Cmd
}

// usage is the resource usage of one run.
type usage struct{ seconds, mib float64 }

// measureUpload uploads the same files to the same store with every installed tool, in turns.
func measureUpload(ctx context.Context, b *bench) error {
	service, store, err := b.service(ctx)
	if err != nil {
		return err
	}
	files := filepath.Join(b.dir, "files")
	large := filepath.Join(b.dir, "large")
	if err := errors.Join(makeSmall(files), makeLarge(large)); err != nil {
		return err
	}
	tools := found(b.uploaders(ctx, service.line, store))
	for _, row := range []struct {
		what, path string
		command    func(uploader) func(string) *exec.Cmd
		targets    map[string]target
	}{
		{"upload of one file of 2 GiB", large, func(u uploader) func(string) *exec.Cmd { return u.large }, nil},
		{
			"upload of 2,000 files of 64 KiB", files, func(u uploader) func(string) *exec.Cmd { return u.folder },
			map[string]target{"s5cmd": atMost(1.5)},
		},
	} {
		took := map[string][]usage{}
		for range min(rounds, pairs) {
			for _, tool := range tools {
				if command := row.command(tool); command != nil {
					one, err := measure(command(row.path))
					if err != nil {
						return fmt.Errorf("%s: %w", tool.name, err)
					}
					took[tool.name] = append(took[tool.name], one)
					if err := empty(ctx, store); err != nil {
						return err
					}
				}
			}
		}
		ours := took["signpost"]
		for _, tool := range tools[1:] {
			if theirs := took[tool.name]; theirs != nil {
				bound, ok := row.targets[tool.name]
				if !ok {
					bound = atMost(1)
				}
				compare(
					row.what,
					tool.name,
					seconds(ours),
					seconds(theirs),
					bound,
					fmt.Sprintf("s; memory %.0f beside %.0f MiB", peak(ours), peak(theirs)),
				)
			}
		}
		printRow("  peak memory, MiB", "", peak(ours), "", atMost(64), "")
	}
	return nil
}

// uploaders returns the tools, ours first. All but ours and curl use the store's credentials.
func (b *bench) uploaders(ctx context.Context, server string, s store) []uploader {
	to := "s3://" + bucketName + "/bench/"
	host := strings.TrimPrefix(s.endpoint, "http://")
	with := func(env []string, program string, args ...string) *exec.Cmd {
		c := exec.CommandContext(ctx, program, args...)
		others := slices.DeleteFunc(
			os.Environ(),
			func(v string) bool { return strings.HasPrefix(v, "AWS_") },
		) // they are for another store
		c.Env = append(
			others,
			append(
				env,
				"AWS_ACCESS_KEY_ID="+s.accessKey,
				"AWS_SECRET_ACCESS_KEY="+s.secretKey,
				"AWS_REGION=us-east-1",
				"AWS_CONFIG_FILE=/dev/null",
				"HOME="+b.dir,
			)...)
		return c
	}
	rclone := []string{
		"RCLONE_S3_PROVIDER=Other",
		"RCLONE_S3_ENDPOINT=" + s.endpoint,
		"RCLONE_S3_ACCESS_KEY_ID=" + s.accessKey,
		"RCLONE_S3_SECRET_ACCESS_KEY=" + s.secretKey,
		"RCLONE_CONFIG=" + filepath.Join(b.dir, "none"),
	}
	s3cmd := []string{
		"--host=" + host,
		"--host-bucket=" + host,
		"--no-ssl",
		"--access_key=" + s.accessKey,
		"--secret_key=" + s.secretKey,
		"--quiet",
	}
	return []uploader{
		{"signpost", func(path string) *exec.Cmd {
			return with(nil, b.binary, "upload", "--server", server, "--again", "--quiet", path)
		},
			func(path string) *exec.Cmd {
				return with(nil, b.binary, "upload", "--server", server, "--again", "--quiet", "-r", path)
			}},
		{"curl", func(path string) *exec.Cmd { return with(nil, "curl", "-sf", "--upload-file", path, s.signed(ctx)) }, nil},
		{"cp", func(path string) *exec.Cmd { return with(nil, "cp", path, filepath.Join(b.dir, "copy")) },
			func(path string) *exec.Cmd { return with(nil, "cp", "-r", path, filepath.Join(b.dir, "copies")) }},
		{"aws", func(path string) *exec.Cmd {
			return with(nil, "aws", "--endpoint-url", s.endpoint, "s3", "cp", "--only-show-errors", path, to)
		},
			func(path string) *exec.Cmd {
				return with(nil, "aws", "--endpoint-url", s.endpoint, "s3", "cp", "--only-show-errors", "--recursive", path, to)
			}},
		{"s5cmd", func(path string) *exec.Cmd {
			return with(nil, "s5cmd", "--endpoint-url", s.endpoint, "--log", "error", "cp", path, to)
		},
			func(path string) *exec.Cmd {
				return with(nil, "s5cmd", "--endpoint-url", s.endpoint, "--log", "error", "cp", path+"/", to)
			}},
		{"s3cmd", func(path string) *exec.Cmd { return with(nil, "s3cmd", append(s3cmd, "put", path, to)...) },
			func(path string) *exec.Cmd {
				return with(nil, "s3cmd", append(s3cmd, "put", "--recursive", path, to)...)
			}},
		{"rclone", func(path string) *exec.Cmd { return with(rclone, "rclone", "copy", path, ":s3:"+bucketName+"/bench") },
			func(path string) *exec.Cmd { return with(rclone, "rclone", "copy", path, ":s3:"+bucketName+"/bench") }},
	}
}

// found returns the installed tools, and ours.
func found(all []uploader) []uploader {
	here := all[:1]
	for _, tool := range all[1:] {
		if _, err := exec.LookPath(tool.name); err != nil {
			fmt.Printf("%s is not on this machine\n", tool.name)
			continue
		}
		here = append(here, tool)
	}
	return here
}

// signed returns a URL for one PUT, for curl.
func (s store) signed(ctx context.Context) string {
	now := time.Now()
	store, err := bucket.Open(ctx, bucket.Options{Name: bucketName, PathStyle: true, AWS: s.aws()})
	if err != nil {
		return err.Error()
	}
	put, err := store.SignPut(ctx, bucket.Upload{Key: "bench/curl", From: now, Until: now.Add(time.Hour)})
	if err != nil {
		return err.Error()
	}
	return put.URL.Reveal()
}

func (s store) aws() aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: &s.endpoint,
		Credentials:  credentials.NewStaticCredentialsProvider(s.accessKey, s.secretKey, ""),
	}
}

// measure runs c and returns its duration and peak resident set.
func measure(c *exec.Cmd) (usage, error) {
	start := time.Now()
	out, err := c.CombinedOutput()
	if err != nil {
		return usage{}, fmt.Errorf("%w\n%s", err, out)
	}
	used := c.ProcessState.SysUsage().(*syscall.Rusage)
	return usage{time.Since(start).Seconds(), float64(used.Maxrss) / 1024}, nil
}

// empty removes the uploaded objects, so that each tool finds the same store.
func empty(ctx context.Context, s store) error {
	client := s3.NewFromConfig(s.aws(), func(o *s3.Options) { o.UsePathStyle = true })
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucketName)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			in := &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: o.Key}
			if _, err := client.DeleteObject(ctx, in); err != nil {
				return err
			}
		}
	}
	return nil
}

func makeLarge(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.CopyN(file, endless{}, largeFile)
	return err
}

func makeSmall(folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	content := make([]byte, smallFile)
	_, _ = endless{}.Read(content)
	for i := range smallFiles {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.bin", i)), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// endless returns a stream in which consecutive bytes differ.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i * 7)
	}
	return len(p), nil
}

func seconds(all []usage) []float64 {
	s := make([]float64, len(all))
	for i, u := range all {
		s[i] = u.seconds
	}
	return s
}

func peak(all []usage) (most float64) {
	for _, u := range all {
		most = max(most, u.mib)
	}
	return most
}
