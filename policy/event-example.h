/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An event as somebody writes it down to ask what a policy makes of it:
 *
 *   event: {kind: sick, structure: finobt, group: 3}     # or only the kind: sick
 *   fs: {mounts: [/srv], label: backup, autofsck: repair}
 *   file: {path: /srv/monday/all.tar, owner: [117, postgres], group: 117, project: 7}     # numbers, and their names;
 *                                      # the path is a list if several mounts show the file
 *   workload: [{unit: a.service, slice: system.slice, cgroup: /system.slice/a.service, user: [117, postgres]},
 *              {container: web, pod: 0a1b}, '?']        # who uses the file or, without one, the file system; '?': and
 *                                      # others; [] and ~: nobody
 *   at: 90s                            # since the beginning of the stream; not written: with the one before it
 *   outcomes: [still-corrupt, done]    # how its actions end, in order; those not written end well
 *   time: 2026-11-28 03:10                               # when it is decided; or now
 *   zone: Europe/Berlin                                  # on which clock; UTC if it is not written, or this machine's
 *                                                        # with now; "2026-11-28 03:10:07.250000 UTC" is what it
 *                                                        # says, whatever the zone is
 *   left-out: [file.path]              # match keys of facts that were known, and not kept
 *
 *   expect: ['rule heal, enforce: repair']               # the decisions, as policy_decision_text() writes them
 *   due: ['rule late, enforce: repair']                  # what had waited and was decided before this event came
 *   explain: ['rule mine (policy.yaml:7) does not match']      # what the explanation has to hold
 *
 * What is not written is unknown, as it is to the daemon before it has looked; '?' says the same by name, '? ENODATA'
 * also why (property, path, owner, group, project, workload), ~ says that there is none (no label, no file system at
 * all).
 *
 * event-example-write.h makes such a document of facts.
 */
#pragma once

#include "policy/yaml-tree.h"
#include "src/model/event-facts.h"
#include "src/model/job-report.h"

/* More mount points of one example are an error. */
#define EXAMPLE_MOUNTS_MAX 64
/* The kernel has none beyond it (MAX_ERRNO). */
#define EXAMPLE_ERRNO_MAX 4095

typedef struct EventExample {
        const char *name;               /* borrowed from the tree; NULL: none was given */
        SourcePosition position;
        const YamlNode *expect, *due, *explain; /* lists of texts, borrowed from the tree; NULL: nothing is expected */
        const YamlNode *left_out;       /* the same; NULL: nothing was */
        uint64_t at_usec;
        size_t n_outcomes;
        Outcome outcomes[DECISION_ACTIONS_MAX];
        HealthEvent event;
        uint64_t realtime_usec;         /* 0: not written */
        bool is_now;                    /* the caller knows the time: event_example_set_now() */
        Zone *zone;                     /* owned; NULL: not written */
        const Zone *machine;            /* borrowed; what then counts */
        FactState path_state;
        int path_error;                 /* positive errno or 0 */
        const char *paths[EXAMPLE_MOUNTS_MAX + 1];      /* borrowed from the tree; NULL-terminated */
        FileOwner owner;
        FactState workloads_state;
        int workloads_error;            /* positive errno or 0 */
        WorkloadFacts workloads;        /* owned */
        bool has_filesystem;
        FilesystemFacts filesystem;     /* texts are owned */
} EventExample;

/**
 * event_example_read() - one example
 * @node:        a map with the keys above and a name, or a word: the event's kind
 * @defaults:    what is not written; NULL: unknown
 * @problems:    gets what is wrong
 * @ret_example: event_example_clear(), also after a failure
 *
 * Returns: 0; -EINVAL if something is wrong; -ENOMEM.
 */
int event_example_read(const YamlNode *node, const EventFacts *defaults, PolicyProblems *problems,
                       EventExample *ret_example);
void event_example_clear(EventExample *example);
/* Does nothing to an example that does not ask for it. @machine is the machine's zone; borrowed for the life of
 * @example; NULL: UTC. */
void event_example_set_now(EventExample *example, uint64_t now_realtime_usec, const Zone *machine);
/* Borrowed from @example. */
EventFacts event_example_facts(const EventExample *example);
