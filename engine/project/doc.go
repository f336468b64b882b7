// Package project keeps one training project in one folder on disk, so that
// killing the program at any instant costs at most the time since the last
// autosave.
//
// # Layout
//
//	project.json               settings (see [Settings]), with a schema version
//	project.json.bak           the settings as they were before the last change
//	rounds/1-flow/             one folder a round, see [RoundName]
//	    checkpoint.safetensors           newest autosave: weights, EMA, optimiser, random state
//	    checkpoint.previous.safetensors  the autosave before it
//	    model.safetensors                the finished weights
//	    raw.safetensors                  the weights before averaging, for a diagnosis
//	    round.json                       measurements; the round is finished once this exists
//	cache/                     decoded images; safe to delete at any time
//	history.jsonl              every measurement, one JSON object a line, only ever appended to
//	.lock                      held by the one process that may write
//	plan.json                  the steps of each round, where the settings give minutes (written by engine/train)
//
// # How nothing is lost
//
// Every file but history.jsonl and .lock is written by [WriteFile]: under a
// temporary name in the same folder, synced, renamed to its final name, and
// the folder synced. A final name therefore always holds a whole file. What a
// killed process leaves behind is a temporary file, which the next [Open]
// removes.
//
// A checkpoint replaces its predecessor only after it is whole on disk, and
// the predecessor stays as checkpoint.previous.safetensors. Every safetensors
// file carries a checksum over its header and its data; a damaged newest
// checkpoint is noticed on loading and the previous one is used instead.
//
// history.jsonl grows by one write and one sync a line. A line torn by a kill
// is cut off at the next [Open].
//
// # Who may write
//
// [Create] and [Open] take the lock; a second writer is refused with the
// number of the process that holds it. The lock belongs to the operating
// system, so it vanishes with its process and a leftover .lock file is no
// obstacle. Readers (translating or evaluating while training runs) use
// [OpenReadOnly], need no lock, and see only whole files.
package project
