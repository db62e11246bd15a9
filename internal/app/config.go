// Package app puts the service together: its settings, its parts, its life from start to stop.
package app

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signpost-s3/signpost/internal/imports"
	"github.com/signpost-s3/signpost/internal/sigv4"
)

// Config holds every setting. Each is an environment variable and a flag of serve; kong reads both, and the tags are the
// documentation. Credentials, region and endpoint are not here: they come from the AWS SDK's standard chain.
type Config struct {
	Listen         string        `env:"SIGNPOST_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the API; ${default} when left out."`
	Bucket         string        `env:"SIGNPOST_BUCKET" placeholder:"NAME" help:"The bucket; when left out, a local store is started and used."`
	DataDir        string        `env:"SIGNPOST_DATA_DIR" default:"./data" placeholder:"FOLDER" help:"Where the local store keeps its files; ${default} when left out."`
	LocalListen    string        `env:"SIGNPOST_LOCAL_LISTEN" default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Address of the local store, on loopback; ${default} when left out."`
	PublicEndpoint string        `env:"SIGNPOST_PUBLIC_ENDPOINT" placeholder:"URL" help:"The S3 address that clients reach, where the service itself uses another."`
	PathStyle      bool          `env:"SIGNPOST_PATH_STYLE" help:"Sign path-style URLs (http://store/bucket/key), as many S3-compatible stores need."`
	URLTTL         time.Duration `name:"url-ttl" env:"SIGNPOST_URL_TTL" default:"1h" placeholder:"DURATION" help:"Life of a signed URL, and the most a caller may ask for, from 1s to 168h; ${default} when left out."`
	JobTTL         time.Duration `name:"job-ttl" env:"SIGNPOST_JOB_TTL" default:"168h" placeholder:"DURATION" help:"For how long an upload in parts can be resumed, from 1m to 8760h; ${default} when left out."`
	MaxSize        int64         `env:"SIGNPOST_MAX_SIZE" placeholder:"BYTES" help:"Largest import. When set, imports must declare their size and bare POSTs are refused; S3's own limit when left out."`
	CORSOrigins    []string      `name:"cors-origins" env:"SIGNPOST_CORS_ORIGINS" placeholder:"ORIGIN" help:"Origins whose pages may call the API and upload to the local store, exactly as browsers send them (https://app.example.com)."`
	Downloads      bool          `env:"SIGNPOST_DOWNLOADS" help:"Give every reader of a completed import a signed URL to download it."`
	AllowAnonymous bool          `env:"SIGNPOST_ALLOW_ANONYMOUS" help:"Listen beyond loopback although nobody is asked who they are."`
}

// Limits are what c grants to callers.
func (c Config) Limits() imports.Limits {
	return imports.Limits{MaxSize: c.MaxSize, URLTTL: c.URLTTL, JobTTL: c.JobTTL}
}

// local reports whether only this machine reaches the API.
func (c Config) local() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	return err == nil && loopback(host)
}

// check adds every rule that c breaks.
func (c Config) check(complain func(variable, value, rule string)) {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		complain("SIGNPOST_LISTEN", c.Listen, "must be HOST:PORT, such as 127.0.0.1:8080")
	} else if !c.AllowAnonymous && !c.local() {
		complain("SIGNPOST_LISTEN", c.Listen, "reaches beyond this machine, and nobody is asked who they are: "+
			"listen on 127.0.0.1, or set SIGNPOST_ALLOW_ANONYMOUS=true if everybody who reaches it may upload")
	}
	if host, _, err := net.SplitHostPort(c.LocalListen); err != nil || !loopback(host) {
		complain("SIGNPOST_LOCAL_LISTEN", c.LocalListen, "must be a loopback HOST:PORT, such as 127.0.0.1:9000; the local store is for this machine alone")
	}
	if c.Bucket == "" && c.DataDir == "" {
		complain("SIGNPOST_DATA_DIR", c.DataDir, "must name a folder")
	}
	if c.PublicEndpoint != "" {
		if _, err := sigv4.ParseEndpoint(c.PublicEndpoint); err != nil {
			complain("SIGNPOST_PUBLIC_ENDPOINT", c.PublicEndpoint, "must be a URL such as https://s3.example.com")
		}
	}
	if c.URLTTL < time.Second || c.URLTTL > sigv4.MaxExpires || c.URLTTL%time.Second != 0 {
		complain("SIGNPOST_URL_TTL", span(c.URLTTL), "must be a duration between 1s and 168h, in whole seconds")
	}
	if c.JobTTL < time.Minute || c.JobTTL > 365*24*time.Hour || c.JobTTL%time.Second != 0 {
		complain("SIGNPOST_JOB_TTL", span(c.JobTTL), "must be a duration between 1m and 8760h, in whole seconds")
	}
	if c.MaxSize < 0 {
		complain("SIGNPOST_MAX_SIZE", fmt.Sprint(c.MaxSize), sizeRule)
	}
	if bad := slices.DeleteFunc(slices.Clone(c.CORSOrigins), isOrigin); len(bad) > 0 {
		complain("SIGNPOST_CORS_ORIGINS", strings.Join(bad, ","), "must be origins such as https://app.example.com, without path or wildcard, divided by commas")
	}
}

// span is d as people write it, without the zeros that time.Duration adds.
func span(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}

// loopback reports whether host is this machine and no other can reach it.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// isOrigin reports whether s is what a browser sends as Origin (RFC 6454, section 7).
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" &&
		s == u.Scheme+"://"+u.Host && s == strings.ToLower(s) && !strings.Contains(s, "*")
}
