package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Errors collects what is wrong with the settings, so that an operator reads all of it at once. Its Options make kong
// note a value of the wrong form instead of stopping at the first.
type Errors struct{ lines []string }

// Check returns all errors of the settings, those of c included, or nil.
func (e *Errors) Check(c Config) error {
	checker{&c, e}.check()
	return e.Err()
}

// Err returns the errors that were noted so far, or nil.
func (e *Errors) Err() error {
	if len(e.lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(e.lines, "\n"))
}

// add notes that variable breaks rule, unless variable has an error already: a value of the wrong form breaks other
// rules too, and kong reads the variables of each command that has them.
func (e *Errors) add(variable, value, rule string) {
	for _, line := range e.lines {
		if strings.HasPrefix(line, variable+"=") {
			return
		}
	}
	if webhookKey.MatchString(value) { // pasted into the wrong setting
		value = "..."
	}
	e.lines = append(e.lines, fmt.Sprintf("%s=%q: %s", variable, value, rule))
}

// webhookKey finds webhook keys that sign.
var webhookKey = regexp.MustCompile(`wh(sec|sk)_`)

// parse sets a setting to the value of text, or returns the rule that text breaks.
func parse(setting reflect.Value, text string) (broken string) {
	switch kind := setting.Kind(); {
	case kind == reflect.Pointer: // nil is unset
		setting.Set(reflect.New(setting.Type().Elem()))
		return parse(setting.Elem(), text)
	case setting.Type() == reflect.TypeFor[time.Duration]():
		d, err := time.ParseDuration(text)
		if err != nil {
			return "must be a duration such as 90s, 15m or 12h"
		}
		setting.SetInt(int64(d))
	case kind == reflect.String:
		setting.SetString(text)
	case kind == reflect.Slice:
		parts := strings.Split(text, ",")
		setting.Set(reflect.MakeSlice(setting.Type(), len(parts), len(parts)))
		for i, part := range parts {
			setting.Index(i).SetString(part)
		}
	case kind == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return "must be true or false"
		}
		setting.SetBool(b)
	case kind == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return "must be a whole number such as 100"
		}
		setting.SetInt(int64(n))
	case kind == reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return sizeRule
		}
		setting.SetInt(n)
	default:
		panic(fmt.Sprintf("a setting of type %s", setting.Type()))
	}
	return ""
}

// sizeRule is the rule of a number of bytes.
const sizeRule = "must be a whole number of bytes such as 10485760, or unset"

// Options make kong parse settings as ReadFunctionConfig does.
func (e *Errors) Options() []kong.Option {
	m := mapper{e}
	return []kong.Option{
		kong.TypeMapper(reflect.TypeFor[time.Duration](), m),
		kong.KindMapper(reflect.Int64, m),
		kong.KindMapper(reflect.Int, m),
		kong.KindMapper(reflect.Bool, boolMapper{m}),
	}
}

// mapper parses a setting from its variable or its flag.
type mapper struct{ errors *Errors }

func (m mapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue(ctx.Value.Tag.PlaceHolder)
	if err != nil {
		return err
	}
	text := fmt.Sprint(token.Value)
	switch broken := parse(target, text); {
	case broken == "":
	case len(ctx.Value.Tag.Envs) == 0: // not a setting but a flag, whose errors kong reports
		return errors.New(broken)
	default:
		m.errors.add(ctx.Value.Tag.Envs[0], text, broken)
	}
	return nil
}

// boolMapper parses a flag that is true when it stands alone.
type boolMapper struct{ mapper }

func (boolMapper) IsBool() bool { return true }

func (m boolMapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		return m.mapper.Decode(ctx, target)
	}
	target.SetBool(true)
	return nil
}
