/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel reports, line by line in its order. A line about a file waits for the file's path, which a child
 * looks up, for some of them at a time.
 */

#include <stdlib.h>
#include <string.h>

#include "kernel/filesystem-probe.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/reopen.h"
#include "src/xfs-healer/healer.h"

/* The mount is kept open for so many look-ups. */
#define PATHS_AT_ONCE 16

struct Report {
        TAILQ_ENTRY(Report) entry;
        char *path;                     /* of its inode, below the mount point; NULL: not known */
        bool wants_path, is_looked_for;
        size_t n_events;
        HealthEvent events[];
};

typedef struct FoundPath {
        size_t index;                   /* in the queue */
        char path[PATH_MAX];
} FoundPath;
_Static_assert(sizeof(FoundPath) <= CHILD_REPORT_SIZE, "an answer is one packet");

static Report *report_free(Report *report) {
        free(report->path);
        free(report);
        return NULL;
}

/* What is sick already */

static bool is_known(const HealthEvent *event, const SickFinding *known) {
        return known->domain == (uint32_t) event->domain && known->structure == (uint32_t) event->structure &&
               known->group == event->group && known->inode == event->inode;
}

static SickFinding *find_known(Healer *healer, const HealthEvent *event) {
        for (size_t i = 0; i < healer->n_known_sick; i++)
                if (is_known(event, healer->known_sick + i))
                        return healer->known_sick + i;

        return NULL;
}

static void note(Healer *healer, const HealthEvent *event) {
        SickFinding *known = find_known(healer, event);

        if (event->kind == EVENT_HEALTHY && known)
                *known = healer->known_sick[--healer->n_known_sick];
        /* One too many is told twice, and that is all. */
        if ((event->kind == EVENT_SICK || event->kind == EVENT_CORRUPT) && !known &&
            healer->n_known_sick < KNOWN_SICK_MAX)
                healer->known_sick[healer->n_known_sick++] = (SickFinding) {
                        .domain = (uint32_t) event->domain,
                        .structure = (uint32_t) event->structure,
                        .group = event->group,
                        .inode = event->inode,
                };
}

/* Telling, and acting on it */

static bool is_always_told(EventKind kind) {
        return kind == EVENT_EVENTS_LOST || kind == EVENT_WATCHING || kind == EVENT_UNMOUNTED || kind == EVENT_SHUTDOWN;
}

static bool is_told(const Healer *healer, EventKind kind) {
        return !healer->options.is_quiet || is_always_told(kind);
}

static bool is_repaired(const Healer *healer, EventKind kind) {
        return kind == EVENT_SICK && healer->mode == HEALER_REPAIRS;
}

static void act(Healer *healer, const HealthEvent *event, const char *path) {
        note(healer, event);
        if (is_repaired(healer, event->kind)) {
                healer_repair_want(healer, event, path);
                return;
        }

        if (event->kind == EVENT_HEALTHY) {
                const RepairTarget target = { event->structure, event->group, event->inode, event->generation };

                attempt_memory_forget(&healer->attempts, 0, &target);
        } else if (event->kind == EVENT_SHUTDOWN) {
                healer->is_shut_down = true;
                healer_repair_drop(healer);
        } else if (event->kind == EVENT_EVENTS_LOST) {
                /* Who wants to hear everything looks after it himself, as with xfsprogs' program. */
                if (healer->mode == HEALER_REPAIRS && !healer->options.everything)
                        healer_scan_want(healer);
                healer_survey_want(healer, 0);
        }
}

static void tell_first(Healer *healer) {
        Report *report = TAILQ_FIRST(&healer->reports);
        char text[EVENT_TEXT_SIZE];

        TAILQ_REMOVE(&healer->reports, report, entry);
        healer->n_reports--;
        if (is_told(healer, report->events[0].kind))
                healer_output_line(healer->output,
                                   health_record_text(report->events, report->n_events, healer->options.mount_point,
                                                      report->path, text));
        for (size_t i = 0; i < report->n_events; i++)
                act(healer, report->events + i, report->path);
        report_free(report);
}

/* Paths, in a child */

static int find_paths_in_child(int report_fd, void *userdata) {
        const Healer *healer = userdata;
        const Report *report;
        Reopened place;
        size_t index = 0;
        int error;

        if (reopen_superblock(healer->superblock, healer->monitor_fd, REOPEN_TO_LOOK, &place, &error) != OUTCOME_DONE)
                return 0;

        TAILQ_FOREACH(report, &healer->reports, entry) {
                _cleanup_(free_at) char *path = NULL;
                const HealthEvent *event = report->events;
                FoundPath found = { .index = index++ };

                if (report->is_looked_for &&
                    filesystem_inode_path(place.fd, event->inode, event->generation, &path) >= 0 &&
                    text_copy(found.path, sizeof(found.path), path) >= 0)
                        (void) child_report(report_fd, &found, offsetof(FoundPath, path) + strlen(found.path) + 1,
                                            -EBADF);
        }

        close_fd(place.fd);
        return 0;
}

static void continue_telling(Healer *healer);

static void on_path(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        Healer *healer = userdata;
        FoundPath found = {};
        size_t index = 0;
        Report *report;

        (void) child;
        close_fd(fd);

        if (size_bytes <= offsetof(FoundPath, path) || size_bytes >= sizeof(found))
                return;
        memcpy(&found, bytes, size_bytes);
        /* Nothing is told while a child looks, so the numbers are what they were. */
        TAILQ_FOREACH(report, &healer->reports, entry)
                if (index++ == found.index && report->is_looked_for && !report->path) {
                        report->path = strdup(found.path);
                        return;
                }
}

static void looked(Healer *healer) {
        Report *report;

        healer->is_looking_for_paths = false;
        TAILQ_FOREACH(report, &healer->reports, entry)
                if (report->is_looked_for)
                        report->is_looked_for = report->wants_path = false;
        continue_telling(healer);
}

static void on_paths_end(Child *child, const ChildEnd *end, void *userdata) {
        Healer *healer = userdata;

        (void) child;

        /* One that hung was given up long ago. */
        if (!end->was_stuck)
                looked(healer);
}

static void on_paths_stuck(Child *child, void *userdata) {
        (void) child;

        looked(userdata);
}

static int look_for_paths(Healer *healer) {
        const ChildTask task = {
                .name = "path",
                .run = find_paths_in_child,
                .on_report = on_path,
                .on_stuck = on_paths_stuck,
                .on_end = on_paths_end,
                .userdata = healer,
                .timeout_usec = PATH_TIMEOUT_USEC,
                .dies_with_us = true,
                .keep_fds = { healer->monitor_fd },
        };
        size_t n_looked_for = 0;
        Report *report;
        int r;

        TAILQ_FOREACH(report, &healer->reports, entry) {
                report->is_looked_for = report->wants_path && n_looked_for < PATHS_AT_ONCE;
                n_looked_for += report->is_looked_for;
                if (n_looked_for == PATHS_AT_ONCE)
                        break;
        }

        r = child_spawn(healer->children, &task, NULL);
        healer->is_looking_for_paths = r >= 0;
        return r;
}

static void continue_telling(Healer *healer) {
        while (!healer->is_looking_for_paths && !TAILQ_EMPTY(&healer->reports)) {
                Report *first = TAILQ_FIRST(&healer->reports);

                /* Without a process for it the line has no path, and is told all the same. */
                if (!first->wants_path || look_for_paths(healer) < 0) {
                        first->wants_path = first->is_looked_for = false;
                        tell_first(healer);
                }
        }
        healer_read_on(healer);
}

void healer_report(Healer *healer, const HealthEvent *events, size_t n_events) {
        bool has_inode = events->domain == DOMAIN_INODE || events->domain == DOMAIN_FILERANGE;
        Report *report = malloc(sizeof(*report) + n_events * sizeof(*events));

        if (!report) {
                healer_complain(healer, "could not keep a report: out of memory");
                return;
        }

        *report = (Report) {
                .n_events = n_events,
                .wants_path = has_inode && healer->facts.has_parent_pointers && !healer->is_shut_down &&
                              !healer->is_unmounted && !healer->is_leaving &&
                              (is_told(healer, events->kind) || is_repaired(healer, events->kind)),
        };
        memcpy(report->events, events, n_events * sizeof(*events));
        TAILQ_INSERT_TAIL(&healer->reports, report, entry);
        healer->n_reports++;
        continue_telling(healer);
}

void healer_report_remembered(Healer *healer, const HealthEvent *event) {
        const Report *report;

        if (find_known(healer, event))
                return;
        /* Nor what is about to be told. */
        TAILQ_FOREACH(report, &healer->reports, entry)
                for (size_t i = 0; i < report->n_events; i++) {
                        const HealthEvent *told = report->events + i;

                        if (told->structure == event->structure && told->group == event->group &&
                            told->inode == event->inode)
                                return;
                }
        healer_report(healer, event, 1);
}

void healer_report_rest(Healer *healer) {
        Report *report;

        healer->is_looking_for_paths = false;
        TAILQ_FOREACH(report, &healer->reports, entry)
                report->wants_path = report->is_looked_for = false;
        continue_telling(healer);
}

void healer_report_clear(Healer *healer) {
        while (!TAILQ_EMPTY(&healer->reports)) {
                Report *report = TAILQ_FIRST(&healer->reports);

                TAILQ_REMOVE(&healer->reports, report, entry);
                report_free(report);
        }
        healer->n_reports = 0;
}
