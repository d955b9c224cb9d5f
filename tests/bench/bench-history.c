/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The history with many events: what a question costs, what a row costs the recorder and healerd, and how large it is.
 *
 *      bench-history FOLDER [EVENTS]
 *
 * FOLDER is empty and belongs to the caller alone. Of EVENTS (1,000,000) each has a decision, every second one the
 * result of a repair; they are of a hundred file systems, eight structures and a thousand rules, of which one is rare.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/history/history-store.h"
#include "src/record/history-link.h"
#include "src/recorder/recorder.h"

#define BATCH_ROWS 64
#define REPETITIONS 5
#define N_LINK_ROWS UINT64_C(100000)
/* An event every ten seconds. */
#define EVENT_EVERY_USEC (10 * USEC_PER_SEC)
#define TIME_BEGIN_USEC (UINT64_C(1795000000) * USEC_PER_SEC)

static const HistoryLimits no_limits = { UINT64_MAX, USEC_INFINITY, HISTORY_KEPT_MAX, 0 };

/* The facts of an event on a file system with a name and two mounts. */
static const char facts[] =
        "{time: \"2026-11-20 12:56:03.000000 UTC\", event: {kind: sick, domain: ag, structure: finobt, group: 3,"
        " count: 1}, fs: {type: \"xfs\", mounts: [\"/srv/volume\", \"/mnt\"], label: \"data\","
        " uuid: \"0b5f1f2e-5d5d-4b6b-9c4e-1f2e3d4c5b6a\","
        " device: \"/dev/sdb1\", autofsck: repair, root: false, removable: false}, file: ~}";

static const char *const structures[] = {
        "finobt", "inobt", "bnobt", "cntbt", "rmapbt", "refcountbt", "agf", "directory",
};

static double now(void) {
        return (double) clock_monotonic_usec() / USEC_PER_SEC;
}

static void fail(const char *what, int error) {
        fprintf(stderr, "bench-history: %s: %s\n", what, strerror(-error));
        exit(EXIT_FAILURE);
}

typedef struct Row {
        HistoryValues values;
        char uuid[40], mount[32], rule[32], text[96];
} Row;

/* @step: 0 the event, 1 its decision, 2 its action. */
static void make_row(Row *row, uint64_t event, unsigned step) {
        HistoryValues *values = &row->values;

        *row = (Row) { .values.type = (HistoryRowType) step };
        (void) snprintf(row->uuid, sizeof(row->uuid), "0b5f1f2e-5d5d-4b6b-9c4e-%012" PRIx64, event % 100);
        (void) snprintf(row->mount, sizeof(row->mount), "/srv/volume-%02" PRIu64, event % 100);
        (void) snprintf(row->rule, sizeof(row->rule), "rule-%03" PRIu64,
                        event % 100003 == 0 ? 999 : event % 997 % 500);
        (void) snprintf(row->text, sizeof(row->text), "%s agno 0x3 %s: sick", row->mount,
                        structures[event % ELEMENTSOF(structures)]);
        history_values_set(values, HISTORY_TIME_USEC, TIME_BEGIN_USEC + event * EVENT_EVERY_USEC);
        history_values_set(values, HISTORY_EVENT_ID, event + 1);
        history_values_set(values, HISTORY_GROUP, 3);
        values->texts[HISTORY_STRUCTURE] = structures[event % ELEMENTSOF(structures)];
        values->texts[HISTORY_DOMAIN] = "ag";
        values->texts[HISTORY_UUID] = row->uuid;
        values->texts[HISTORY_DEVICE] = "/dev/sdb1";
        values->texts[HISTORY_MOUNT] = row->mount;
        if (step == 0) {
                values->texts[HISTORY_KIND] = "sick";
                values->texts[HISTORY_SEVERITY] = "err";
                values->texts[HISTORY_TEXT] = row->text;
                values->texts[HISTORY_FACTS] = facts;
                return;
        }
        values->texts[HISTORY_SOURCE] = "rule";
        values->texts[HISTORY_RULE] = row->rule;
        values->texts[HISTORY_MODE] = step == 1 ? "enforce" : NULL;
        values->texts[HISTORY_ACTIONS] = step == 1 ? "repair,notify" : NULL;
        values->texts[HISTORY_ACTION] = step == 2 ? "repair" : NULL;
        values->texts[HISTORY_RESULT] = step == 1 ? NULL : event % 1000 == 0 ? "still-corrupt" : "done";
}

static uint64_t fill(HistoryStore *store, uint64_t n_events) {
        uint64_t serial = 0;
        HistoryMessage message;
        Row row;
        int r;

        for (uint64_t event = 0; event < n_events; event++)
                for (unsigned step = 0; step < 2 + (event % 2 == 0); step++) {
                        make_row(&row, event, step);
                        history_message_set_row(&message, HISTORY_RECORD, ++serial, &row.values);
                        r = serial % BATCH_ROWS == 1 ? history_store_begin(store) : 0;
                        if (r >= 0)
                                r = history_store_add(store, &message.row);
                        if (r >= 0 && serial % BATCH_ROWS == 0)
                                r = history_store_commit(store, 0);
                        if (r < 0)
                                fail("cannot keep a row", r);
                }
        if (serial % BATCH_ROWS != 0 && (r = history_store_commit(store, 0)) < 0)
                fail("cannot keep a row", r);
        return serial;
}

static int count_row(void *userdata, _unused_ const HistoryMessage *message) {
        ++*(uint64_t *) userdata;
        return 0;
}

static int compare(const void *a, const void *b) {
        double left = *(const double *) a, right = *(const double *) b;

        return left < right ? -1 : left > right;
}

static void ask(HistoryStore *store, const char *name, const HistoryQuery *query) {
        double seconds[REPETITIONS];
        uint64_t n = 0;

        for (size_t i = 0; i < REPETITIONS; i++) {
                double began = now();
                int r;

                n = 0;
                r = history_store_query(store, query, count_row, &n);
                if (r < 0)
                        fail(name, r);
                seconds[i] = now() - began;
        }
        qsort(seconds, REPETITIONS, sizeof(*seconds), compare);
        printf("  %-44s %6" PRIu64 " rows %10.2f ms\n", name, n, seconds[REPETITIONS / 2] * 1e3);
}

static void ask_all(HistoryStore *store, uint64_t n_events) {
        const uint64_t end_usec = TIME_BEGIN_USEC + n_events * EVENT_EVERY_USEC;
        const struct {
                const char *name;
                HistoryQuery query;
        } questions[] = {
                { "the newest 1,000", { .n_max = 1000 } },
                { "the newest 10,000", { .n_max = 10000 } },
                { "a page of 1,000 from the middle", { .n_max = 1000, .before_serial = n_events } },
                { "all of one event", { .n_max = 10000, .event_id = n_events / 2 } },
                { "the last hour", { .n_max = 10000, .since_usec = end_usec - USEC_PER_HOUR } },
                { "an hour a long time ago", { .n_max = 10000, .since_usec = TIME_BEGIN_USEC + USEC_PER_DAY,
                                               .until_usec = TIME_BEGIN_USEC + USEC_PER_DAY + USEC_PER_HOUR } },
                { "of one file system of a hundred", { .n_max = 1000,
                                                       .filesystem = "0b5f1f2e-5d5d-4b6b-9c4e-000000000007" } },
                { "of a file system that is not there", { .n_max = 1000, .filesystem = "/none" } },
                { "by a rule (one of 500)", { .n_max = 1000, .words = { [HISTORY_WORD_RULE] = "rule-007" } } },
                { "by a rare rule", { .n_max = 1000, .words = { [HISTORY_WORD_RULE] = "rule-999" } } },
                { "by a structure (one of 8)", { .n_max = 1000, .words = { [HISTORY_WORD_STRUCTURE] = "inobt" } } },
                { "by an outcome that is rare", { .n_max = 1000,
                                                  .words = { [HISTORY_WORD_RESULT] = "still-corrupt" } } },
                { "by the kind that all have", { .n_max = 1000, .words = { [HISTORY_WORD_KIND] = "sick" } } },
                { "by a kind that none has", { .n_max = 1000, .words = { [HISTORY_WORD_KIND] = "shutdown" } } },
                { "by rule, structure and outcome", { .n_max = 1000, .words = { [HISTORY_WORD_RULE] = "rule-007",
                                                                            [HISTORY_WORD_STRUCTURE] = "bnobt",
                                                                            [HISTORY_WORD_RESULT] = "done" } } },
        };

        for (size_t i = 0; i < ELEMENTSOF(questions); i++) {
                HistoryQuery query = questions[i].query;

                query.query_id = 1;
                ask(store, questions[i].name, &query);
        }
}

/* As DumpEvents does it. */
static void walk(HistoryStore *store) {
        HistoryQuery query = { .query_id = 1, .n_max = 128, .wants_oldest = 1 };
        uint64_t n_all = 0, n;
        double began = now();

        do {
                int r;

                n = 0;
                r = history_store_query(store, &query, count_row, &n);
                if (r < 0)
                        fail("cannot read", r);
                n_all += n;
                query.after_serial = n_all; /* serials are without gaps here */
        } while (n > 0);
        printf("  %-44s %.0f rows/s\n", "all of it, in pages of 128", (double) n_all / (now() - began));
}

static void measure_store(const char *folder, uint64_t n_events) {
        _cleanup_(history_store_close_at) HistoryStore *store = NULL;
        double began = now(), took;
        uint64_t n_rows;
        int r;

        r = history_store_open(folder, &no_limits, &store);
        if (r < 0)
                fail(folder, r);
        n_rows = fill(store, n_events);
        took = now() - began;
        printf("%" PRIu64 " events, %" PRIu64 " rows: %.0f rows/s, %.1f MB, %.0f bytes a row\n", n_events, n_rows,
               (double) n_rows / took, (double) history_store_size_bytes(store) / 1e6,
               (double) history_store_size_bytes(store) / (double) n_rows);
        ask_all(store, n_events);
        walk(store);
}

/* Ends with healerd. */
static pid_t start_recorder(const char *folder, const char *socket_path) {
        pid_t pid = fork();

        if (pid == 0) {
                _cleanup_(recorder_free_at) Recorder *recorder = NULL;
                const RecorderOptions options = {
                        .folder = folder, .listen_path = socket_path, .connection_fd = -EBADF, .peer_uid = geteuid(),
                        .n_rows_max = RECORDER_ROWS_DEFAULT, .age_max_usec = RECORDER_AGE_DEFAULT_USEC,
                        .size_max_bytes = RECORDER_SIZE_DEFAULT_BYTES,
                };

                _exit(recorder_new(&options, &recorder) >= 0 && recorder_run(recorder) >= 0 ? 0 : 1);
        }
        return pid;
}

/* healerd's end: how long adding takes it, what that costs in all, and what the two manage together. */
static void measure_link(const char *folder) {
        double adding = 0, began, done;
        struct rusage usage_before, usage;
        HistoryLink *link;
        char socket_path[108];
        sd_event *event;
        pid_t pid;
        Row row;

        (void) snprintf(socket_path, sizeof(socket_path), "%s/bench.sock", folder);
        pid = start_recorder(folder, socket_path);
        if (pid < 0 || sd_event_new(&event) < 0 || history_link_new(event, socket_path, &link) < 0)
                fail("cannot begin", -errno);
        while (history_link_place(link) == HISTORY_PLACE_ABSENT)
                (void) sd_event_run(event, 100 * USEC_PER_MSEC);

        (void) getrusage(RUSAGE_SELF, &usage_before);
        began = now();
        for (uint64_t i = 0; i < N_LINK_ROWS; i++) {
                double before;

                make_row(&row, i / 2, i % 2);
                before = now();
                history_link_add(link, &row.values);
                adding += now() - before;
                /* As full as may be without dropping. */
                while (history_link_n_waiting(link) > HISTORY_QUEUE_MAX / 2)
                        (void) sd_event_run(event, USEC_PER_SEC);
        }
        while (history_link_n_waiting(link) > 0)
                (void) sd_event_run(event, USEC_PER_SEC);
        done = now() - began;
        (void) getrusage(RUSAGE_SELF, &usage);
        printf("over the line: %.0f rows/s; healerd: %.1f us to add one, %.1f us of processor for each in all; %" PRIu64
               " dropped\n", (double) N_LINK_ROWS / done, adding / (double) N_LINK_ROWS * 1e6,
               ((double) (usage.ru_utime.tv_sec - usage_before.ru_utime.tv_sec +
                          usage.ru_stime.tv_sec - usage_before.ru_stime.tv_sec) * 1e6 +
                (double) (usage.ru_utime.tv_usec - usage_before.ru_utime.tv_usec +
                          usage.ru_stime.tv_usec - usage_before.ru_stime.tv_usec)) / (double) N_LINK_ROWS,
               history_link_n_dropped(link));
        history_link_free(link);
        sd_event_unref(event);
        (void) kill(pid, SIGTERM);
        (void) waitpid(pid, NULL, 0);
        (void) unlink(socket_path);
}

int main(int argc, char *argv[]) {
        uint64_t n_events = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;

        if (argc < 2 || n_events < 1000) {
                fputs("bench-history FOLDER [EVENTS]: an empty folder, and 1,000 events at least\n", stderr);
                return EXIT_FAILURE;
        }
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        log_set_max_level(LOG_WARNING);
        (void) signal(SIGPIPE, SIG_IGN);
        measure_link(argv[1]);
        if (history_store_set_aside(argv[1]) < 0)
                return EXIT_FAILURE;
        measure_store(argv[1], n_events);
        return EXIT_SUCCESS;
}
