// Package command is the command line of Straightway: one file a subcommand. Results go to standard output (as JSON
// lines with --json), progress and words for a person to standard error.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/straightway-app/straightway/engine/train"
)

// Exit statuses, part of the command line's contract.
const (
	statusDone        = 0
	statusFailed      = 1
	statusUsage       = 2
	statusSomeFailed  = 3
	statusInterrupted = 130
)

// errSomeFailed says that the work was done but some inputs failed, each already named.
var errSomeFailed = errors.New("some inputs failed")

// usageError is an error in how the program was called.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// Version is the program's version.
const Version = "0.1.0"

// Window shows the window until it is closed: the project to open (empty: the last one), and whether to print the
// longest frame gap at the end.
type Window func(project string, meter bool, stdout io.Writer) error

// Main runs the command line and returns the process's exit status. An interrupt (Ctrl-C) or a termination signal ends
// the running command in good order; a second one ends the process at once.
// Without a command it shows the window; a nil window is a program without one, which then shows its help.
func Main(args []string, stdout, stderr io.Writer, window Window) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from then on the signals have their usual effect
	return run(ctx, args, stdout, stderr, window)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, window Window) int {
	out := &output{stdout: stdout, stderr: stderr}
	root := newRoot(out, window)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	out.close()
	var usage usageError
	switch {
	case err == nil:
		return statusDone
	case errors.Is(err, errSomeFailed):
		return statusSomeFailed
	case errors.Is(err, train.ErrInterrupted), ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "straightway: interrupted; what was done so far is saved")
		return statusInterrupted
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "straightway: %v\nTry \"straightway --help\".\n", err)
		return statusUsage
	}
	fmt.Fprintf(stderr, "straightway: %v\n", err)
	return statusFailed
}

func newRoot(out *output, window Window) *cobra.Command {
	var directory string
	var meter bool
	root := &cobra.Command{
		Use:   "straightway",
		Short: "Learn to turn the images of one folder into images of another, in one network evaluation each",
		Long: "Straightway learns with rectified flow to turn the images of one folder into images of another,\n" +
			"straightens what it learnt, and then translates with one network evaluation per image.",
		Version:       Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			var names []string
			for _, k := range c.Commands() {
				if !k.Hidden {
					names = append(names, k.Name())
				}
			}
			return usagef("there is no command %q: choose one of %s", args[0], strings.Join(names, ", "))
		},
		RunE: func(c *cobra.Command, _ []string) error {
			if window == nil {
				return c.Help()
			}
			return window(directory, meter, out.stdout)
		},
	}
	if window != nil {
		root.Flags().StringVar(&directory, "project", "", "project to open in the window (default: the last one)")
		root.Flags().BoolVar(&meter, "ui-meter", false, "when the window is closed, print the time to its first frame and its longest gaps")
		root.Long += "\n\nWithout a command it opens the window."
	}
	root.PersistentFlags().BoolVar(&out.json, "json", false, "print results as JSON lines on standard output")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newTrain(out), newTranslate(out), newEvaluate(out), newDiagnose(out), newDemo(out), newBench(out), newDoctor(out), newLab(out), newGenerate(out), newExperiment(out), newModel(out))
	return root
}

func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no argument, and %q was given", c.CommandPath(), args[0])
	}
	return nil
}
