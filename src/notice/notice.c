/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The queue's clock, its worker, and its view of file systems.
 */

#include "src/notice/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/model/suspension.h"
#include "src/notice/notice-queue.h"

/* Nobody waits for a message to the tenth of a second. */
#define TIMER_ACCURACY_USEC (100 * USEC_PER_MSEC)

struct Notice {
        Engine *engine;
        NoticeStore store;
        NoticeQueue *queue;
        sd_event_source *timer;
};

static NoticeTime now(void) {
        return (NoticeTime) { .boottime_usec = clock_boottime_usec(), .realtime_usec = clock_realtime_usec() };
}

/* After everything that may have changed what is due. */
static void arm(Notice *notice) {
        uint64_t due_usec = notice_queue_due(notice->queue);
        int r;

        if (due_usec == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(notice->timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(notice->timer, due_usec);
        if (r >= 0)
                r = sd_event_source_set_enabled(notice->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "notifications: cannot set the timer: %m");
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        const NoticeTime time = now();
        Notice *notice = userdata;

        notice_queue_run(notice->queue, &time);
        arm(notice);
        return 0;
}

/* File systems, by the name under which they are known over restarts */

static Filesystem *find(const Notice *notice, const char *name) {
        FilesystemTable *table = engine_filesystems(notice->engine);
        char buffer[NOTICE_FILESYSTEM_SIZE];

        for (Filesystem *f = NULL; (f = filesystem_table_next(table, f));)
                if (text_equal(filesystem_key(&f->facts, buffer), name))
                        return f;
        return NULL;
}

static int condition_object(const HealthCondition *condition, const char *state, const Filesystem *filesystem,
                          char **ret_text) {
        const MessageCondition message = {
                .code = condition_code_to_name(condition->code),
                .state = state,
                .severity = condition->severity,
                .target = condition->target,
                .message = condition->message ?: "",
                .since_usec = condition->since_realtime_usec,
                .event_id = condition->event_id,
        };

        return message_condition(&message, &filesystem->facts, ret_text);
}

/* That a route does not work is not told over it. */
static bool is_told(const HealthCondition *condition) {
        return condition->code != CONDITION_ROUTE_FAILED;
}

static bool each_open(void *userdata, const char *name, NoticeOpen open, void *open_userdata) {
        const Notice *notice = userdata;
        const Filesystem *filesystem = find(notice, name);

        for (size_t i = 0; filesystem && i < filesystem->conditions.n_items; i++) {
                const HealthCondition *condition = filesystem->conditions.items + i;
                _cleanup_(free_at) char *text = NULL;

                if (is_told(condition) && condition_object(condition, "open", filesystem, &text) >= 0)
                        open(open_userdata, condition_code_to_name(condition->code), condition->target,
                             condition->severity, text);
        }
        return filesystem;
}

/* The queue's calls */

static int send(void *userdata, const NoticeMessage *sent) {
        Notice *notice = userdata;
        char unit[UNIT_NAME_SIZE], last_words[WORKER_LAST_WORDS_SIZE] = "";
        _cleanup_(free_at) char *text = NULL;
        const Message message = {
                .type = "notification",
                .id = sent->id,
                .unit = unit_name_from_number(sent->unit, sent->id, unit),
                .route = sent->route,
                .status = sent->status,
                .reason = sent->reason,
                .summary = sent->summary,
                .severity = sent->severity,
                .time_usec = clock_realtime_usec(),
                .count = sent->count,
                .events = sent->events,
                .conditions = sent->conditions,
        };
        UnitOrder order = {
                .id = sent->id,
                .template = sent->unit,
                .timeout_usec = NOTICE_TIMEOUT_USEC,
                .last_words = last_words,
        };
        int r;

        r = message_text(&message, &text);
        if (r < 0)
                return r;
        (void) text_append_format(last_words, sizeof(last_words), "route %s cannot tell (try %u): %s", sent->route,
                                  sent->attempt, sent->summary);
        order.payload.data[UNIT_FILE_MESSAGE] = text;
        order.payload.size_bytes[UNIT_FILE_MESSAGE] = strlen(text);
        r = engine_start_unit(notice->engine, &order);
        if (r >= 0)
                log_info("route %s: message %" PRIu64 " is sent (try %u): %s", sent->route, sent->id, sent->attempt,
                         sent->summary);
        return r;
}

static void taken(void *userdata, uint64_t id) {
        Notice *notice = userdata;

        engine_unit_taken(notice->engine, id);
}

static uint64_t new_number(void *userdata) {
        Notice *notice = userdata;

        return engine_new_number(notice->engine);
}

static char *subject(void *userdata, const char *name, char buffer[static NOTICE_SUBJECT_SIZE]) {
        const Filesystem *filesystem = find(userdata, name);
        const char *text = name;
        char number[32];

        if (filesystem)
                text = filesystem_facts_subject(&filesystem->facts, number);
        buffer[0] = '\0';
        if (text_append_escaped(buffer, NOTICE_SUBJECT_SIZE - 3, text, strlen(text)) < 0)
                (void) text_append_format(buffer, NOTICE_SUBJECT_SIZE, "...");
        return buffer;
}

static int ended(void *userdata, const char *name, char **ret_text) {
        const Filesystem *filesystem = find(userdata, name);
        const MessageCondition message = {
                .code = "",
                .state = "ended",
                .severity = SEVERITY_NOTICE,
                .target = "",
                .message = "nothing is open any more",
        };

        return filesystem ? message_condition(&message, &filesystem->facts, ret_text) : -ENOENT;
}

static bool is_silenced(void *userdata, const char *route, const char *filesystem, const char *code,
                        Severity severity, bool counts) {
        const Notice *notice = userdata;
        const SilenceSubject subject = {
                .filesystem = filesystem,
                .kind = code,
                .severity = severity,
                .route = route,
        };
        const Suspension *silence = engine_silence_find(notice->engine, &subject);

        if (silence && counts)
                engine_silence_note(notice->engine, silence, &subject);
        return silence;
}

static void on_unsilenced(void *userdata, const char *route, const char *filesystem) {
        const NoticeTime time = now();
        Notice *notice = userdata;

        notice_queue_unsilenced(notice->queue, route, filesystem, &time);
        arm(notice);
}

static void on_failing(void *userdata, const char *route, const char *name, const char *why) {
        Notice *notice = userdata;
        Filesystem *filesystem = find(notice, name);

        if (filesystem)
                engine_set_route_failing(notice->engine, filesystem, route, why);
        else if (why)
                log_error("route %s: notifications do not get through: %s", route, why);
}

static void keep(void *userdata, const char *key, const void *value, size_t size_bytes) {
        Notice *notice = userdata;

        if (notice->store.put)
                notice->store.put(notice->store.userdata, key, value, size_bytes);
}

static void forget(void *userdata, const char *key) {
        Notice *notice = userdata;

        if (notice->store.remove)
                notice->store.remove(notice->store.userdata, key);
}

/* What the engine tells */

/* 64-bit FNV-1a. */
static uint64_t mix(uint64_t hash, uint8_t byte) {
        return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t mix_number(uint64_t hash, uint64_t number) {
        for (unsigned shift = 0; shift < 64; shift += 8)
                hash = mix(hash, (uint8_t) (number >> shift));
        return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text) {
        for (; *text; text++)
                hash = mix(hash, (uint8_t) *text);
        return mix(hash, 0);
}

/* Of what is the same if a healerd that comes after us decides it again: the record of the kernel, and the rule. */
static uint64_t origin_of(const RoutedNotice *routed) {
        const HealthEvent *event = routed->event;
        const uint64_t numbers[] = {
                event->time_realtime_nsec, event->kind, event->domain, event->structure, event->group, event->inode,
                event->generation, event->position_bytes, event->device_block,
        };
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                hash = mix_number(hash, numbers[i]);
        return mix_text(mix_text(hash, routed->route), routed->rule_id);
}

static void on_routed(void *userdata, const RoutedNotice *routed) {
        const Filesystem *filesystem = routed->filesystem;
        char name[NOTICE_FILESYSTEM_SIZE] = "", line[EVENT_TEXT_SIZE], number[32];
        _cleanup_(free_at) char *text = NULL;
        const NoticeTime time = now();
        Notice *notice = userdata;
        NoticeEvent event = {
                .route = routed->route,
                .filesystem = name,
                .severity = routed->severity,
                .count = routed->event->count,
                .line = line,
                .origin = origin_of(routed),
                .is_repeated = routed->event->is_repeated,
                .is_test = routed->event->is_test,
                .n_more = routed->n_more,
        };
        int r;

        if (filesystem)
                filesystem_key(&filesystem->facts, name);
        health_event_text(routed->event, filesystem ? filesystem_facts_subject(&filesystem->facts, number) : "(gone)",
                          NULL, line);
        r = message_event(routed->event, routed->severity, filesystem ? &filesystem->facts : NULL, routed->path,
                          routed->rule_id, &text);
        if (r >= 0) {
                event.text = text;
                r = notice_queue_event(notice->queue, &event, &time);
        }
        if (r < 0 && r != -ENOBUFS)
                log_error_errno(r, "event %" PRIu64 ": it cannot be told over route %s: %m", routed->event->id,
                                routed->route);
        arm(notice);
}

static void on_condition(void *userdata, const HealthCondition *condition, bool is_raised,
                         const Filesystem *filesystem) {
        char name[NOTICE_FILESYSTEM_SIZE], number[32], line[NOTICE_LINE_SIZE] = "";
        const char *subject = filesystem_facts_subject(&filesystem->facts, number);
        _cleanup_(free_at) char *text = NULL;
        const NoticeTime time = now();
        Notice *notice = userdata;

        if (!is_told(condition))
                return;
        (void) text_append_escaped(line, sizeof(line), subject, strlen(subject));
        (void) text_append_format(line, sizeof(line), "%s%s: %s", condition->target[0] ? " " : "", condition->target,
                                  condition_code_to_name(condition->code));
        if (condition_object(condition, is_raised ? "raised" : "cleared", filesystem, &text) < 0) {
                log_error("condition %s cannot be told: no memory", condition_code_to_name(condition->code));
                return;
        }
        notice_queue_condition(notice->queue, &(NoticeCondition) {
                .filesystem = filesystem_key(&filesystem->facts, name),
                .code = condition_code_to_name(condition->code),
                .target = condition->target,
                .severity = condition->severity,
                .is_raised = is_raised,
                .line = line,
                .text = text,
        }, &time);
        arm(notice);
}

static void on_filesystem(void *userdata, Filesystem *filesystem) {
        char name[NOTICE_FILESYSTEM_SIZE];
        const NoticeTime time = now();
        Notice *notice = userdata;

        notice_queue_filesystem(notice->queue, filesystem_key(&filesystem->facts, name), &time);
        arm(notice);
}

static void on_policy(void *userdata, const Policy *policy, bool is_loaded, _unused_ const char *problems) {
        NoticeRoute routes[POLICY_ROUTES_MAX];
        const NoticeTime time = now();
        Notice *notice = userdata;
        size_t n = 0;
        int r;

        if (!is_loaded)
                return;
        for (; n < policy_n_routes(policy); n++) {
                const RouteSource *route = policy_route_at(policy, n);

                routes[n] = (NoticeRoute) {
                        .name = route->id,
                        .unit = route->unit,
                        .group_usec = route->group_usec,
                        .resend_usec = route->resend_usec,
                };
        }
        r = notice_queue_set_routes(notice->queue, routes, n, &time);
        if (r < 0)
                log_error_errno(r, "notifications: not all routes of the policy can be used: %m");
        arm(notice);
}

static void on_worker(void *userdata, bool is_connected) {
        const NoticeTime time = now();
        Notice *notice = userdata;

        notice_queue_on_worker(notice->queue, is_connected, &time);
        arm(notice);
}

static bool on_unit_ended(void *userdata, const WorkerJobResult *result) {
        const NoticeTime time = now();
        Notice *notice = userdata;
        bool is_ours;

        is_ours = notice_queue_on_result(notice->queue, result->job_id, (Outcome) result->outcome, result->detail,
                                         &time);
        arm(notice);
        return is_ours;
}

int notice_adopt(Notice *notice, const char *key, const void *value, size_t size_bytes) {
        return notice_queue_adopt(notice->queue, key, value, size_bytes);
}

void notice_loaded(Notice *notice) {
        const NoticeTime time = now();

        notice_queue_loaded(notice->queue, &time);
        arm(notice);
}

/* For the bus */

static uint64_t n_waiting(void *userdata) {
        const Notice *notice = userdata;

        return notice_queue_n_waiting(notice->queue);
}

static uint64_t n_dropped(void *userdata) {
        const Notice *notice = userdata;

        return notice_queue_n_dropped(notice->queue);
}

static const char *failing(void *userdata, size_t index) {
        const Notice *notice = userdata;

        return notice_queue_failing(notice->queue, index);
}

NoticeReader notice_reader(Notice *notice) {
        return (NoticeReader) { n_waiting, n_dropped, failing, notice };
}

Notice *notice_free(Notice *notice) {
        if (!notice)
                return NULL;
        sd_event_source_disable_unref(notice->timer);
        notice_queue_free(notice->queue);
        free(notice);
        return NULL;
}

static int observe(Notice *notice) {
        return engine_add_observer(notice->engine, &(EngineObserver) {
                .on_filesystem = on_filesystem,
                .on_routed = on_routed,
                .on_unit_ended = on_unit_ended,
                .on_condition = on_condition,
                .on_unsilenced = on_unsilenced,
                .on_policy = on_policy,
                .on_worker = on_worker,
                .userdata = notice,
        });
}

int notice_new(sd_event *event, Engine *engine, const NoticeStore *store, Notice **ret_notice) {
        _cleanup_(notice_free_at) Notice *notice = NULL;
        NoticeCalls calls = {
                .send = send,
                .taken = taken,
                .new_number = new_number,
                .each_open = each_open,
                .is_silenced = is_silenced,
                .subject = subject,
                .ended = ended,
                .on_failing = on_failing,
                .keep = keep,
                .forget = forget,
        };
        int r;

        notice = calloc(1, sizeof(*notice));
        if (!notice)
                return -ENOMEM;
        notice->engine = engine;
        notice->store = *store;
        calls.userdata = notice;
        r = notice_queue_new(&calls, &notice->queue);
        if (r < 0)
                return r;
        r = sd_event_add_time(event, &notice->timer, CLOCK_BOOTTIME, 0, TIMER_ACCURACY_USEC, on_timer, notice);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(notice->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = observe(notice);
        if (r < 0)
                return r;

        *ret_notice = steal_ptr(notice);
        return 0;
}
