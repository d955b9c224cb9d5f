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

/* The mount is kept open for so many look-ups. All reports about these inodes are served by them. */
#define PATHS_AT_ONCE 16

struct Report {
        TAILQ_ENTRY(Report) entry;
        char *path;                     /* of its inode, below the mount point; NULL: not known */
        bool wants_path, is_looked_for;
        char *answer;                   /* what became of its event; NULL: it is what the kernel reported */
        size_t n_events;
        HealthEvent events[];
};

typedef struct FoundPath {
        uint64_t inode;
        uint32_t generation;
        char path[PATH_MAX];
} FoundPath;
_Static_assert(sizeof(FoundPath) <= CHILD_REPORT_SIZE, "an answer is one packet");

static Report *report_free(Report *report) {
        if (report) {
                free(report->path);
                free(report->answer);
        }
        free(report);
        return NULL;
}
DEFINE_CLEANUP(Report, report_free)

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

static void tell(Healer *healer, const Report *report) {
        const char *mount_point = healer->options.mount_point;
        char text[EVENT_TEXT_SIZE];

        if (report->answer)
                healer_output_line(healer->output, health_event_answer_text(report->events, mount_point, report->path,
                                                                            report->answer, text));
        else if (is_told(healer, report->events[0].kind))
                healer_output_line(healer->output, health_record_text(report->events, report->n_events, mount_point,
                                                                      report->path, text));
}

static void tell_first(Healer *healer) {
        _cleanup_(report_free_at) Report *report = TAILQ_FIRST(&healer->reports);

        TAILQ_REMOVE(&healer->reports, report, entry);
        healer->n_reports--;
        tell(healer, report);
        if (report->answer)
                return;
        for (size_t i = 0; i < report->n_events; i++)
                act(healer, report->events + i, report->path);
}

/* Paths, in a child */

typedef struct Wanted {
        size_t n;
        FoundPath found[PATHS_AT_ONCE];
} Wanted;

static bool is_same_inode(const HealthEvent *event, const FoundPath *found) {
        return event->inode == found->inode && event->generation == found->generation;
}

/* The same in the loop and in the child: the first inodes that a path is wanted of. True if this report is about one of
 * them. */
static bool want_inode(Wanted *wanted, const Report *report) {
        const HealthEvent *event = report->events;

        if (!report->wants_path)
                return false;
        for (size_t i = 0; i < wanted->n; i++)
                if (is_same_inode(event, wanted->found + i))
                        return true;
        if (wanted->n == PATHS_AT_ONCE)
                return false;

        wanted->found[wanted->n].inode = event->inode;
        wanted->found[wanted->n].generation = event->generation;
        wanted->n++;
        return true;
}

static int find_paths_in_child(int report_fd, void *userdata) {
        const Healer *healer = userdata;
        static Wanted wanted;
        const Report *report;
        Reopened place;
        int error;

        if (reopen_superblock(healer->superblock, healer->monitor_fd, REOPEN_TO_LOOK, &place, &error) != OUTCOME_DONE)
                return 0;

        TAILQ_FOREACH(report, &healer->reports, entry)
                (void) want_inode(&wanted, report);
        for (size_t i = 0; i < wanted.n; i++) {
                _cleanup_(free_at) char *path = NULL;
                FoundPath *found = wanted.found + i;

                if (filesystem_inode_path(place.fd, found->inode, found->generation, &path) >= 0 &&
                    text_copy(found->path, sizeof(found->path), path) >= 0)
                        (void) child_report(report_fd, found, offsetof(FoundPath, path) + strlen(found->path) + 1,
                                            -EBADF);
        }

        close_fd(place.fd);
        return 0;
}

static void continue_telling(Healer *healer);

static void on_path(Child *child, const void *bytes, size_t size_bytes, int fd, void *userdata) {
        Healer *healer = userdata;
        FoundPath found = {};
        Report *report;

        (void) child;
        close_fd(fd);

        if (size_bytes <= offsetof(FoundPath, path) || size_bytes >= sizeof(found))
                return;
        memcpy(&found, bytes, size_bytes);
        TAILQ_FOREACH(report, &healer->reports, entry)
                if (report->is_looked_for && !report->path && is_same_inode(report->events, &found))
                        report->path = strdup(found.path);
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
        static Wanted wanted;
        Report *report;
        int r;

        wanted.n = 0;
        TAILQ_FOREACH(report, &healer->reports, entry)
                report->is_looked_for = want_inode(&wanted, report);

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

/* True if there is a path to be had. */
static bool may_have_path(const Healer *healer, const HealthEvent *event) {
        bool has_inode = event->domain == DOMAIN_INODE || event->domain == DOMAIN_FILERANGE;

        return has_inode && healer->facts.has_parent_pointers && !healer->is_shut_down && !healer->is_unmounted &&
               !healer->is_leaving;
}

static Report *report_new(const Healer *healer, const HealthEvent *events, size_t n_events) {
        Report *report = malloc(sizeof(*report) + n_events * sizeof(*events));

        if (!report) {
                healer_complain(healer, "could not keep a report: out of memory");
                return NULL;
        }

        *report = (Report) { .n_events = n_events, .wants_path = may_have_path(healer, events) };
        memcpy(report->events, events, n_events * sizeof(*events));
        return report;
}

static void append(Healer *healer, Report *report) {
        TAILQ_INSERT_TAIL(&healer->reports, report, entry);
        healer->n_reports++;
        continue_telling(healer);
}

void healer_report(Healer *healer, const HealthEvent *events, size_t n_events) {
        Report *report = report_new(healer, events, n_events);

        if (!report)
                return;
        report->wants_path = report->wants_path &&
                             (is_told(healer, events->kind) || is_repaired(healer, events->kind));
        append(healer, report);
}

void healer_report_answer(Healer *healer, const HealthEvent *event, const char *path, const char *answer) {
        _cleanup_(report_free_at) Report *report = report_new(healer, event, 1);

        if (!report)
                return;
        report->answer = strdup(answer);
        if (!report->answer)
                return;
        /* What had no path before it was repaired may have one now. */
        report->path = path ? strdup(path) : NULL;
        report->wants_path = report->wants_path && !report->path;
        append(healer, steal_ptr(report));
}

void healer_report_remembered(Healer *healer, const HealthEvent *event) {
        const Report *report;

        if (find_known(healer, event))
                return;
        /* Nor what is about to be told. */
        TAILQ_FOREACH(report, &healer->reports, entry)
                for (size_t i = 0; i < report->n_events && !report->answer; i++) {
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
