/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A healerd of fixed answers on a private bus, for tests of clients. It prints "ready" once it owns the name,
 * and obeys words on standard input, one a line:
 *
 *      story   sends one of each signal
 *      at N    the verification is at N percent
 *      end     it ends well
 *      quit    leaves
 *
 * MOCK_RELOAD_OK in the environment makes ReloadPolicy succeed, MOCK_NO_WORKER takes the worker away, MOCK_LONG_HISTORY
 * makes the history longer than what is given at once, MOCK_STUCK makes jobs not end when they are cancelled, and
 * MOCK_OTHERS makes those that are ordered somebody else's. How a repair ends is chosen by the structure, see
 * repairs[].
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/bus/bus-names.h"

#define JOB BUS_JOB_PREFIX "/4"
#define VERIFY_JOB BUS_JOB_PREFIX "/5"

typedef struct MockFilesystem {
        const char *path, *uuid, *device, *mount, *type, *monitor_state, *monitor_error, *holder_name, *autofsck,
                *watched_by;            /* NULL: what follows from is_watched */
        uint32_t holder_pid;
        bool is_watched, is_sick, is_shut_down;
        uint64_t n_events;
} MockFilesystem;

static MockFilesystem filesystems[] = {
        { .path = BUS_FILESYSTEM_PREFIX "/good", .uuid = "11111111-1111-4111-8111-111111111111", .device = "/dev/mock1",
          .mount = "/mock/good", .type = "xfs", .monitor_state = "opened", .autofsck = "repair", .is_watched = true },
        { .path = BUS_FILESYSTEM_PREFIX "/sick", .uuid = "22222222-2222-4222-8222-222222222222", .device = "/dev/mock2",
          .mount = "/mock/sick", .type = "xfs", .monitor_state = "opened", .autofsck = "unset", .is_watched = true,
          .is_sick = true, .n_events = 1234 },
        { .path = BUS_FILESYSTEM_PREFIX "/held", .uuid = "33333333-3333-4333-8333-333333333333", .device = "/dev/mock3",
          .mount = "/mock/odd\n\xff name", .type = "xfs", .monitor_state = "foreign", .holder_name = "xfs_healer",
          .holder_pid = 812, .autofsck = "check", .watched_by = "fanotify" },
        { .path = BUS_FILESYSTEM_PREFIX "/ext", .uuid = "44444444-4444-4444-8444-444444444444", .device = "/dev/mock4",
          .mount = "/mock/ext", .type = "ext4", .monitor_state = "none", .autofsck = "unset", .is_shut_down = true },
        { .path = BUS_FILESYSTEM_PREFIX "/clone", .uuid = "11111111-1111-4111-8111-111111111111",
          .device = "/dev/mock5", .mount = "/mock/clone", .type = "xfs", .monitor_state = "opened",
          .autofsck = "repair", .is_watched = true },
};

/* What a repair of a structure leads to: an error of the call, or an outcome of the job; neither: it never ends. */
static const struct {
        const char *structure, *error, *outcome, *detail;
        bool is_success;
} repairs[] = {
        { "finobt", NULL, "done", "Repairs successful.", true },
        { "bnobt", NULL, "still-corrupt", "", false },
        { "cntbt", NULL, "refused-harmful", "Row inode-core-without-rtgroups.", false },
        { "agi", BUS_ERROR_REFUSED, NULL, "/mock/good: protect: usb", false },
        { "agf", SD_BUS_ERROR_ACCESS_DENIED, NULL, "Permission denied", false },
        { "agfl", BUS_ERROR_SHUT_DOWN, NULL, "/mock/good: the file system is shut down", false },
        { "inobt", NULL, NULL, NULL, false },
};

typedef struct MockJob {
        uint64_t id;
        const char *path, *operation, *filesystem, *target, *state, *source, *rule, *outcome;
        uint64_t started_usec;
        uint32_t phase, progress;
        uint64_t done_bytes, total_bytes;
} MockJob;

static MockJob jobs[] = {
        { 3, BUS_JOB_PREFIX "/3", "scrub", BUS_FILESYSTEM_PREFIX "/sick", "", "running", "schedule", "nightly", "",
          UINT64_C(1795179363000000), 3, 45, 0, 0 },
        { 4, JOB, "repair", BUS_FILESYSTEM_PREFIX "/good", "agno 0x0 finobt", "running", "caller", "", "",
          UINT64_C(1795179363000000), 0, 0, 0, 0 },
        { 5, VERIFY_JOB, "verify-media", BUS_FILESYSTEM_PREFIX "/good", "", "running", "caller", "", "",
          UINT64_C(1795179363000000), 0, 0, 0, UINT64_C(100) << 30 },
        { 6, BUS_JOB_PREFIX "/6", "repair", BUS_FILESYSTEM_PREFIX "/sick", "agno 0x1 bnobt", "ended", "rule", "heal",
          "still-corrupt", UINT64_C(1795179363000000), 0, 0, 0, 0 },
};

#define GETTER(name)                                                                                    \
        static int name(sd_bus *bus _unused_, const char *path _unused_, const char *interface _unused_,  \
                        const char *property _unused_, sd_bus_message *reply, void *userdata _unused_,   \
                        sd_bus_error *error _unused_)

GETTER(get_text) {
        const MockFilesystem *fs = userdata;
        const struct {
                const char *name, *text;
        } texts[] = {
                { "UUID", fs->uuid },
                { "Label", "" },
                { "Device", fs->device },
                { "Type", fs->type },
                { "MonitorState", fs->monitor_state },
                { "MonitorError", fs->monitor_error },
                { "HolderName", fs->holder_name },
                { "WatchedBy", fs->watched_by ? fs->watched_by : fs->is_watched ? "healthmon" : "none" },
                { "Autofsck", fs->autofsck },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (text_equal(texts[i].name, property))
                        return sd_bus_message_append(reply, "s", texts[i].text ? texts[i].text : "");
        return sd_bus_message_append(reply, "s", "");
}

GETTER(get_truth) {
        const MockFilesystem *fs = userdata;

        return sd_bus_message_append(reply, "b", text_equal(property, "Watched") ? fs->is_watched
                                     : text_equal(property, "ShutDown") ? fs->is_shut_down : false);
}

GETTER(get_number) {
        const MockFilesystem *fs = userdata;

        return sd_bus_message_append(reply, "t", text_equal(property, "EventsTotal") ? fs->n_events
                                     : text_equal(property, "LastKnownGood") ? UINT64_C(1795179000000000)
                                     : UINT64_C(0));
}

GETTER(get_holder_pid) {
        return sd_bus_message_append(reply, "u", ((const MockFilesystem *) userdata)->holder_pid);
}

GETTER(get_device_number) {
        const MockFilesystem *fs = userdata;

        /* A major number that no device of the machine has. */
        return sd_bus_message_append(reply, "(uu)", UINT32_C(4000), (uint32_t) (fs - filesystems) + 1);
}

GETTER(get_mount_points) {
        const MockFilesystem *fs = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(reply, 'y', fs->mount, strlen(fs->mount) + 1);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

GETTER(get_conditions) {
        if (!((const MockFilesystem *) userdata)->is_sick)
                return sd_bus_message_append(reply, "a(ssstts)", 0);
        return sd_bus_message_append(reply, "a(ssstts)", 3,
                                     "sick", "error", "agno 0x0 finobt", UINT64_C(1795179363000000), UINT64_C(17), "",
                                     "sick", "error", "agno 0x1 bnobt", UINT64_C(1795179363000000), UINT64_C(18), "",
                                     "repair-failed", "error", "agno 0x1 bnobt", UINT64_C(1795179363000000),
                                     UINT64_C(18), "Repair unsuccessful; offline repair required.");
}

GETTER(get_active_job) {
        return sd_bus_message_append(reply, "o", ((const MockFilesystem *) userdata)->is_sick ? JOB : BUS_NO_OBJECT);
}

static int order_job(sd_bus_message *message, const char *outcome, const char *detail, bool is_success) {
        sd_bus *bus = sd_bus_message_get_bus(message);
        int r;

        r = sd_bus_reply_method_return(message, "o", JOB);
        if (r < 0 || !outcome)
                return r;
        /* The end of somebody else's job comes first. */
        r = sd_bus_emit_signal(bus, BUS_JOB_PREFIX "/3", BUS_INTERFACE_JOB, "Completed", "bss", false, "failed", "");
        if (r < 0)
                return r;
        return sd_bus_emit_signal(bus, JOB, BUS_INTERFACE_JOB, "Completed", "bss", is_success, outcome, detail);
}

GETTER(get_job_text) {
        const MockJob *job = userdata;
        const struct {
                const char *name, *text;
        } texts[] = {
                { "Operation", job->operation },
                { "Target", job->target },
                { "State", job->state },
                { "Source", getenv("MOCK_OTHERS") ? "rule" : job->source },
                { "Rule", job->rule },
                { "Outcome", job->outcome },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (text_equal(texts[i].name, property))
                        return sd_bus_message_append(reply, "s", texts[i].text);
        return sd_bus_message_append(reply, "o", job->filesystem);
}

GETTER(get_job_small) {
        const MockJob *job = userdata;

        return sd_bus_message_append(reply, "u", text_equal(property, "Phase")      ? job->phase
                                                 : text_equal(property, "Progress") ? job->progress
                                                 : text_equal(job->source, "caller") ? (uint32_t) getuid()
                                                                                     : UINT32_MAX);
}

static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC;
}

GETTER(get_job_number) {
        const MockJob *job = userdata;

        return sd_bus_message_append(reply, "t", text_equal(property, "Id")           ? job->id
                                                 : text_equal(property, "Started")    ? job->started_usec
                                                 : text_equal(property, "BytesDone")  ? job->done_bytes
                                                 : text_equal(property, "BytesTotal") ? job->total_bytes
                                                 : job->done_bytes > 0 ? now_usec() + 90 * USEC_PER_SEC
                                                                       : UINT64_C(0));
}

static int on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const MockJob *job = userdata;
        int r;

        fprintf(stderr, "cancel %s\n", job->path);
        if (text_equal(job->state, "ended"))
                return sd_bus_error_set(error, BUS_ERROR_NO_SUCH_JOB, "The job has ended already");
        if (text_equal(job->source, "schedule"))
                return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "Permission denied");
        r = sd_bus_reply_method_return(message, NULL);
        if (r < 0 || getenv("MOCK_STUCK"))
                return r;
        return sd_bus_emit_signal(sd_bus_message_get_bus(message), job->path, BUS_INTERFACE_JOB, "Completed", "bss",
                                  false, "cancelled", "");
}

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "t", get_job_number, 0, 0),
        SD_BUS_PROPERTY("Operation", "s", get_job_text, 0, 0),
        SD_BUS_PROPERTY("Filesystem", "o", get_job_text, 0, 0),
        SD_BUS_PROPERTY("State", "s", get_job_text, 0, 0),
        SD_BUS_PROPERTY("Target", "s", get_job_text, 0, 0),
        SD_BUS_PROPERTY("Rule", "s", get_job_text, 0, 0),
        SD_BUS_PROPERTY("Source", "s", get_job_text, 0, 0),
        SD_BUS_PROPERTY("CallerUID", "u", get_job_small, 0, 0),
        SD_BUS_PROPERTY("Started", "t", get_job_number, 0, 0),
        SD_BUS_PROPERTY("Outcome", "s", get_job_text, 0, 0),
        SD_BUS_PROPERTY("Phase", "u", get_job_small, 0, 0),
        SD_BUS_PROPERTY("Progress", "u", get_job_small, 0, 0),
        SD_BUS_PROPERTY("BytesDone", "t", get_job_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("BytesTotal", "t", get_job_number, 0, 0),
        SD_BUS_PROPERTY("EstimatedEnd", "t", get_job_number, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD("Cancel", "a{sv}", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int on_verify(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error _unused_) {
        jobs[2].done_bytes = 0;
        fputs("verify\n", stderr);
        return sd_bus_reply_method_return(message, "o", VERIFY_JOB);
}

static int on_repair(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error) {
        const char *structure = "";
        int r;

        r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                const char *key, *contents;
                char type;

                r = sd_bus_message_read(message, "s", &key);
                if (r < 0)
                        return r;
                if (text_equal(key, "structure"))
                        r = sd_bus_message_read(message, "v", "s", &structure);
                else {
                        (void) sd_bus_message_peek_type(message, &type, &contents);
                        r = sd_bus_message_skip(message, "v");
                        fprintf(stderr, "option %s %s\n", key, contents);
                }
                if (r < 0)
                        return r;
                (void) sd_bus_message_exit_container(message);
        }

        if (text_equal(structure, "agf") && !sd_bus_message_get_allow_interactive_authorization(message))
                return sd_bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "A password is needed");
        for (size_t i = 0; i < ELEMENTSOF(repairs); i++) {
                if (!text_equal(repairs[i].structure, structure))
                        continue;
                if (repairs[i].error)
                        return sd_bus_error_set(error, repairs[i].error, repairs[i].detail);
                return order_job(message, repairs[i].outcome, repairs[i].detail, repairs[i].is_success);
        }
        return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "Option \"structure\": there is no \"%s\"",
                                 structure);
}

static int on_scrub(sd_bus_message *message, void *userdata, sd_bus_error *error _unused_) {
        const MockFilesystem *fs = userdata;

        return order_job(message, fs->is_sick ? "found-corruption" : "done", "", !fs->is_sick);
}

static const sd_bus_vtable filesystem_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("UUID", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Label", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Device", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("DeviceNumber", "(uu)", get_device_number, 0, 0),
        SD_BUS_PROPERTY("MountPoints", "aay", get_mount_points, 0, 0),
        SD_BUS_PROPERTY("Type", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("MonitorState", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("MonitorError", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("HolderPID", "u", get_holder_pid, 0, 0),
        SD_BUS_PROPERTY("HolderName", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Watched", "b", get_truth, 0, 0),
        SD_BUS_PROPERTY("WatchedBy", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Autofsck", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("ReadOnly", "b", get_truth, 0, 0),
        SD_BUS_PROPERTY("Root", "b", get_truth, 0, 0),
        SD_BUS_PROPERTY("Removable", "b", get_truth, 0, 0),
        SD_BUS_PROPERTY("ShutDown", "b", get_truth, 0, 0),
        SD_BUS_PROPERTY("Conditions", "a(ssstts)", get_conditions, 0, 0),
        SD_BUS_PROPERTY("FirstBadTime", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("LastKnownGood", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("PatrolChecked", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("LastEventTime", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("EventsTotal", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("ReportsTotal", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("EventsLost", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("RecordsRead", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("Healed", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("Refused", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("Failed", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("ActiveJob", "o", get_active_job, 0, 0),
        SD_BUS_METHOD("Repair", "a{sv}", "o", on_repair, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Scrub", "a{sv}", "o", on_scrub, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("VerifyMedia", "a{sv}", "o", on_verify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

GETTER(get_manager_text) {
        return sd_bus_message_append(reply, "s", text_equal(property, "Mode") ? "enforce"
                                     : text_equal(property, "PolicyState") ? "rejected"
                                     : text_equal(property, "HistoryState") ? "disk" : "0.0");
}

GETTER(get_manager_number) {
        return sd_bus_message_append(reply, "t", text_equal(property, "EventsTotal") ? UINT64_C(1234) : UINT64_C(0));
}

GETTER(get_unwatched) {
        return sd_bus_message_append(reply, "u", 1);
}

GETTER(get_worker) {
        return sd_bus_message_append(reply, "b", !getenv("MOCK_NO_WORKER"));
}

static int on_reload(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error) {
        if (getenv("MOCK_RELOAD_OK"))
                return sd_bus_reply_method_return(message, NULL);
        return sd_bus_error_set(error, BUS_ERROR_POLICY_INVALID,
                                "The policy was not loaded, the last good one stays:\n"
                                "policy.yaml:1:1: error: no version");
}

static int on_resume(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error _unused_) {
        return sd_bus_reply_method_return(message, NULL);
}

#define MOCK_FACTS(more)                                                                                \
        "{time: \"2026-11-20 12:56:03.000000 UTC\", event: {kind: sick, domain: ag, structure: finobt, group: 3,"   \
        " count: 1}, fs: {type: \"xfs\", mounts: \"/mock/sick\", label: ~, autofsck: repair" more "}, file: ~}"

/* What a history holds: healed; of a version that kept no facts; written by somebody else. */
static const struct {
        uint64_t id;
        const char *type, *rule, *facts;
        uint64_t job;
} history[] = {
        { 17, "event", NULL, MOCK_FACTS(""), 0 },
        { 17, "decision", "heal", NULL, 0 },
        { 17, "action", "heal", NULL, 4 },
        { 17, "action", "heal", NULL, 0 },
        { 18, "event", NULL, NULL, 0 },
        { 19, "event", NULL, MOCK_FACTS(", root: true\x1b"), 0 },
        { 20, "event", NULL, "{event: {kind: sick}, fs: {type: \"xfs\", mounts: '?'}, left-out: [fs.mount]}", 0 },
};

/* Behind those above, with MOCK_LONG_HISTORY: more than are given at once. */
#define MOCK_LONG_HISTORY_ROWS 12000

static size_t history_length(void) {
        return ELEMENTSOF(history) + (getenv("MOCK_LONG_HISTORY") ? MOCK_LONG_HISTORY_ROWS : 0);
}

static int append_history(sd_bus_message *reply, size_t i, bool wants_facts) {
        const char *facts = wants_facts && i < ELEMENTSOF(history) ? history[i].facts : NULL;
        int r;

        if (i >= ELEMENTSOF(history))
                return sd_bus_message_append(reply, "a{sv}", 5, "type", "s", "event", "serial", "t", (uint64_t) i + 1,
                                             "time-usec", "t", UINT64_C(1795179363123456), "id", "t",
                                             (uint64_t) i + 1000, "facts", "s", "{event: sick}");
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "type", "s", history[i].type, "time-usec", "t",
                                          UINT64_C(1795179363123456), "id", "t", history[i].id);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "serial", "t", (uint64_t) i + 1);
        if (r >= 0 && text_equal(history[i].type, "event"))
                r = sd_bus_message_append(reply, "{sv}{sv}", "kind", "s", "sick", "text", "s",
                                          "/mock/sick agno 0x3 finobt: sick");
        if (r >= 0 && history[i].rule)
                r = sd_bus_message_append(reply, "{sv}{sv}", "source", "s", "rule", "rule", "s", history[i].rule);
        if (r >= 0 && text_equal(history[i].type, "decision"))
                r = sd_bus_message_append(reply, "{sv}{sv}", "mode", "s", "enforce", "actions", "as", 1, "repair");
        if (r >= 0 && text_equal(history[i].type, "action"))
                r = sd_bus_message_append(reply, "{sv}{sv}", "action", "s", "repair", "result", "s", "still-corrupt");
        if (r >= 0 && history[i].job > 0)
                r = sd_bus_message_append(reply, "{sv}", "job-number", "t", history[i].job);
        if (r >= 0 && facts)
                r = sd_bus_message_append(reply, "{sv}", "facts", "s", facts);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static bool is_asked_for(size_t i, uint64_t id, uint64_t before) {
        return i + 1 < before && (id == 0 || (i < ELEMENTSOF(history) && id == history[i].id));
}

/* Nothing was decided by another rule than "heal". Returns -EINVAL for a word that the real one would not know. */
static int read_question_text(sd_bus_message *message, const char *key, uint64_t *id) {
        const char *value;
        int r;

        r = sd_bus_message_read(message, "v", "s", &value);
        if (r < 0)
                return r;
        if (text_equal(key, "rule") && !text_equal(value, "heal"))
                *id = UINT64_MAX;
        return text_equal(key, "kind") && !text_equal(value, "sick") ? -EINVAL : r;
}

static bool is_text(const char *key) {
        return text_equal(key, "filesystem") || text_equal(key, "kind") || text_equal(key, "structure") ||
               text_equal(key, "rule") || text_equal(key, "outcome");
}

/* Lines of JSON; with MOCK_LONG_HISTORY they are cut off. */
static int on_dump_events(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error _unused_) {
        static const char all[] = "{\"type\":\"event\",\"serial\":1}\n"
                                  "{\"type\":\"end\",\"complete\":true,\"entries\":1}\n";
        size_t length = getenv("MOCK_LONG_HISTORY") ? 28 : sizeof(all) - 1;
        int fds[2], r;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        r = write(fds[1], all, length) == (ssize_t) length ? 0 : -EIO;
        (void) close(fds[1]);
        if (r >= 0)
                r = sd_bus_reply_method_return(message, "h", fds[0]);
        (void) close(fds[0]);
        return r;
}

static int on_list_events(sd_bus_message *message, void *userdata _unused_, sd_bus_error *error) {
        sd_bus_message *reply = NULL;
        uint64_t since_usec, until_usec, id = 0, before = UINT64_MAX;
        size_t n_fitting = 0;
        int wants_facts = 0, r;
        const char *key;
        uint32_t max;

        r = sd_bus_message_read(message, "tu", &since_usec, &max);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r >= 0 && is_text(key)) {
                        r = read_question_text(message, key, &id);
                        if (r == -EINVAL)
                                return sd_bus_error_set(error, SD_BUS_ERROR_INVALID_ARGS,
                                                        "There is no kind \"sik\"; did you mean \"sick\"?");
                } else if (r >= 0)
                        r = text_equal(key, "id")       ? sd_bus_message_read(message, "v", "t", &id)
                            : text_equal(key, "before") ? sd_bus_message_read(message, "v", "t", &before)
                            : text_equal(key, "until")  ? sd_bus_message_read(message, "v", "t", &until_usec)
                                                        : sd_bus_message_read(message, "v", "b", &wants_facts);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        if (r >= 0)
                r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        /* The newest so many. */
        for (size_t i = 0; i < history_length(); i++)
                n_fitting += is_asked_for(i, id, before);
        for (size_t i = 0; r >= 0 && i < history_length(); i++)
                if (is_asked_for(i, id, before) && n_fitting-- <= (max > 0 ? max : 1000))
                        r = append_history(reply, i, wants_facts);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", get_manager_text, 0, 0),
        SD_BUS_PROPERTY("PolicyState", "s", get_manager_text, 0, 0),
        SD_BUS_PROPERTY("Mode", "s", get_manager_text, 0, 0),
        SD_BUS_PROPERTY("PolicyHash", "s", get_manager_text, 0, 0),
        SD_BUS_PROPERTY("HistoryState", "s", get_manager_text, 0, 0),
        SD_BUS_PROPERTY("EventsTotal", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("EventsLost", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("EventsDropped", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("NotificationsDropped", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("Healed", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("Refused", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("Failed", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("LagUSec", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("BrakedUntilUSec", "t", get_manager_number, 0, 0),
        SD_BUS_PROPERTY("MountedUnwatched", "u", get_unwatched, 0, 0),
        SD_BUS_PROPERTY("WorkerConnected", "b", get_worker, 0, 0),
        SD_BUS_METHOD("ReloadPolicy", NULL, NULL, on_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Resume", NULL, NULL, on_resume, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListEvents", "tua{sv}", "aa{sv}", on_list_events, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("DumpEvents", "a{sv}", "h", on_dump_events, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END
};

static int emit(sd_bus *bus, const char *member, const char *types, ...) {
        sd_bus_message *signal = NULL;
        va_list arguments;
        int r;

        r = sd_bus_message_new_signal(bus, &signal, BUS_PATH, BUS_INTERFACE_MANAGER, member);
        va_start(arguments, types);
        if (r >= 0)
                r = sd_bus_message_appendv(signal, types, arguments);
        va_end(arguments);
        if (r >= 0)
                r = sd_bus_send(bus, signal, NULL);
        sd_bus_message_unref(signal);
        return r;
}

static int tell_story(sd_bus *bus) {
        const uint64_t id = 17;
        int r;

        r = emit(bus, "Event", "tssoa{sv}", id, "sick", "error", BUS_FILESYSTEM_PREFIX "/sick", 6,
                 "domain", "s", "ag", "group", "u", 0, "structure", "s", "finobt", "count", "t", UINT64_C(3),
                 "time-nsec", "t", UINT64_C(1795179363123456789),
                 "text", "s", "/mock/sick agno 0x0 finobt: sick (3 reports)");
        if (r >= 0)
                r = emit(bus, "Decision", "tsssasa{sv}", id, "rule", "heal", "enforce", 2, "repair", "notify", 2,
                         "policy-generation", "t", UINT64_C(2), "denied", "a(ss)", 1, "repair", "protect: usb");
        if (r >= 0)
                r = emit(bus, "Decision", "tsssasa{sv}", id, "baseline", "", "observe", 0, 0);
        if (r >= 0)
                r = emit(bus, "ActionTaken", "tossa{sv}", id, JOB, "repair", "done", 7, "domain", "s", "ag",
                         "group", "u", 0, "structure", "s", "finobt", "duration-usec", "t", UINT64_C(21500),
                         "verified", "b", true,
                         "detail", "s", "Repairs successful.", "device", "s", "/dev/mock2");
        if (r >= 0)
                r = emit(bus, "ActionTaken", "tossa{sv}", id, JOB, "repair", "from-the-future", 0);
        if (r >= 0)
                r = emit(bus, "Notice", "tsso", id, "critical", "third repair \x1b[31m", BUS_FILESYSTEM_PREFIX "/sick");
        if (r >= 0)
                r = emit(bus, "PolicyReloaded", "tb", UINT64_C(3), true);
        if (r >= 0)
                r = emit(bus, "PolicyReloaded", "tb", UINT64_C(3), false);
        if (r >= 0)
                r = emit(bus, "Novelty", "st", "new", UINT64_MAX);
        return r < 0 ? r : sd_bus_flush(bus);
}

static int on_input(sd_event_source *source, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        char word[64];

        if (!fgets(word, sizeof(word), stdin) || text_starts_with(word, "quit"))
                return sd_event_exit(sd_event_source_get_event(source), 0);
        if (text_starts_with(word, "story"))
                return tell_story(userdata);
        if (text_starts_with(word, "at ")) {
                jobs[2].done_bytes = jobs[2].total_bytes / 100 * strtoul(word + strlen("at "), NULL, 10);
                return sd_bus_emit_properties_changed(userdata, VERIFY_JOB, BUS_INTERFACE_JOB, "BytesDone",
                                                      "EstimatedEnd", NULL);
        }
        if (text_starts_with(word, "end"))
                return sd_bus_emit_signal(userdata, VERIFY_JOB, BUS_INTERFACE_JOB, "Completed", "bss", true, "done",
                                          "");
        return 0;
}

static int run(void) {
        sd_event *event = NULL;
        sd_bus *bus = NULL;
        int r;

        r = sd_event_default(&event);
        if (r >= 0)
                r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus, NULL, BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus, NULL, BUS_PATH, BUS_INTERFACE_MANAGER, manager_vtable, NULL);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(filesystems); i++)
                r = sd_bus_add_object_vtable(bus, NULL, filesystems[i].path, BUS_INTERFACE_FILESYSTEM,
                                             filesystem_vtable, filesystems + i);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(jobs); i++)
                r = sd_bus_add_object_vtable(bus, NULL, jobs[i].path, BUS_INTERFACE_JOB, job_vtable, jobs + i);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, bus);
        if (r >= 0)
                r = sd_bus_request_name(bus, BUS_NAME, 0);
        if (r >= 0) {
                puts("ready");
                fflush(stdout);
                r = sd_event_loop(event);
        }
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);
        return r;
}

int main(void) {
        int r;

        /* One line, one word: nothing may wait in a buffer that epoll does not see. */
        setvbuf(stdin, NULL, _IONBF, 0);
        r = run();
        if (r < 0)
                fprintf(stderr, "mock-healer: %s\n", strerror(-r));
        return r < 0;
}
