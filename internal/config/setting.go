package config

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Name returns the environment variable of a setting, which field points to: c.Name(&c.Bucket) is SIGNPOST_BUCKET.
func (c *Config) Name(field any) string {
	name, _ := c.find(field)
	return name
}

// Setting returns the variable and the value of a setting, with which its errors begin: c.Setting(&c.Bucket) is
// SIGNPOST_BUCKET="data".
func (c *Config) Setting(field any) string {
	name, value := c.find(field)
	return fmt.Sprintf("%s=%q", name, value)
}

func (c *Config) valueOf(field any) string {
	_, value := c.find(field)
	return value
}

func (c *Config) find(pointer any) (name, value string) {
	config := reflect.ValueOf(c).Elem()
	for n := range config.NumField() {
		if config.Field(n).Addr().Interface() == pointer {
			return config.Type().Field(n).Tag.Get("env"), textOf(config.Field(n).Interface())
		}
	}
	panic(fmt.Sprintf("%T does not point to a setting", pointer))
}

// textOf returns a value as it is set. Secrets are "...".
func textOf(value any) string {
	switch v := value.(type) {
	case time.Duration:
		return FormatDuration(v)
	case []string:
		return strings.Join(v, ",")
	case Secret, []Secret:
		if reflect.ValueOf(v).Len() == 0 {
			return ""
		}
		return "..."
	}
	return fmt.Sprint(value)
}

// FormatDuration returns d without the zero units that time.Duration.String adds, such as 1h instead of 1h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}
