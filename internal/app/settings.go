package app

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Complaints collects what is wrong with the settings, so that an operator hears of all of it at once. Its Options make kong
// note a value of the wrong form instead of stopping at the first.
type Complaints struct{ lines []string }

// The rules of values that are of the wrong form.
const (
	sizeRule     = "must be a number of bytes such as 10485760, or left out"
	durationRule = "must be a duration such as 90s, 15m or 12h"
	switchRule   = "must be true or false"
	countRule    = "must be a number such as 100"
)

// Options teach kong to read Config.
func (c *Complaints) Options() []kong.Option {
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[time.Duration](), mapper[time.Duration]{c, time.ParseDuration, durationRule}),
		kong.KindMapper(reflect.Int64, mapper[int64]{c, parseSize, sizeRule}),
		kong.KindMapper(reflect.Int, mapper[int]{c, strconv.Atoi, countRule}),
		kong.KindMapper(reflect.Bool, switchMapper{mapper[bool]{c, strconv.ParseBool, switchRule}}),
	}
}

func parseSize(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }

// Check returns all complaints about config, or nil.
func (c *Complaints) Check(config Config) error {
	config.check(c.add)
	if len(c.lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(c.lines, "\n"))
}

// add notes that variable breaks rule, unless something was said of it before: a value of the wrong form breaks other rules too,
// and kong reads the variables of each command that has them.
func (c *Complaints) add(variable, value, rule string) {
	for _, line := range c.lines {
		if strings.HasPrefix(line, variable+"=") {
			return
		}
	}
	c.lines = append(c.lines, fmt.Sprintf("%s=%q: %s", variable, value, rule))
}

// mapper reads one type of setting, from its variable or its flag.
type mapper[T any] struct {
	complaints *Complaints
	parse      func(string) (T, error)
	rule       string
}

func (m mapper[T]) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue(ctx.Value.Tag.PlaceHolder)
	if err != nil {
		return err
	}
	text := fmt.Sprint(token.Value)
	parsed, err := m.parse(text)
	if err != nil && len(ctx.Value.Tag.Envs) == 0 { // it is no setting: bad use, of which kong tells
		return errors.New(m.rule)
	}
	if err != nil {
		m.complaints.add(ctx.Value.Tag.Envs[0], text, m.rule)
		return nil
	}
	target.Set(reflect.ValueOf(parsed).Convert(target.Type()))
	return nil
}

// switchMapper reads a flag that means true when it stands alone.
type switchMapper struct{ mapper[bool] }

func (switchMapper) IsBool() bool { return true }

func (m switchMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		return m.mapper.Decode(ctx, target)
	}
	target.SetBool(true)
	return nil
}
