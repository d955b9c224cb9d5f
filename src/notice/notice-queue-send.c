/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what was collected to a message, and what becomes of it.
 */

#include "src/notice/notice-queue-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"

#define SUMMARY_SIZE 512
/* Events and conditions each: together they fit what a unit is given to read. */
#define LIST_BYTES_MAX ((size_t) 352 * 1024)

/* What a message says, while it is put together. */
typedef struct Composition {
        NoticeQueue *queue;
        Route *route;
        MessageList events, conditions;
        const char *filesystem;         /* whose open conditions are being listed */
        uint64_t n_events;
        size_t n_open, n_cleared, n_raised, n_reminders;
        Severity severity;
        char summary[SUMMARY_SIZE];
} Composition;

static void composition_clear(Composition *composition) {
        message_list_clear(&composition->events);
        message_list_clear(&composition->conditions);
}

/* What does not fit is counted in the message. */
static void add(MessageList *list, const char *text) {
        (void) message_list_add(list, text, LIST_BYTES_MAX, SIZE_MAX);
}

static void worsen(Composition *composition, Severity severity) {
        composition->severity = min_of(composition->severity, severity);
}

static void on_open(void *userdata, _unused_ const char *code, _unused_ const char *target, Severity severity,
                    const char *text) {
        Composition *composition = userdata;

        composition->n_open++;
        if (composition->n_reminders > 0)
                worsen(composition, severity);
        add(&composition->conditions, text);
}

/* Already in the list of those that are open? */
typedef struct Search {
        const NoticeRecord *record;
        bool is_found;
} Search;

static void on_search(void *userdata, const char *code, const char *target, _unused_ Severity severity,
                      _unused_ const char *text) {
        Search *search = userdata;

        search->is_found |= text_equal(code, search->record->code) && text_equal(target, search->record->target);
}

static bool is_open(const Composition *composition, const NoticeRecord *record) {
        const NoticeCalls *calls = &composition->queue->calls;
        Search search = { .record = record };

        (void) calls->each_open(calls->userdata, record->filesystem, on_search, &search);
        return search.is_found;
}

static void compose_item(Composition *composition, const Item *item) {
        switch ((NoticeKind) item->record.kind) {
        case NOTICE_EVENT:
                composition->n_events++;
                worsen(composition, (Severity) item->record.severity);
                add(&composition->events, item->text);
                return;
        case NOTICE_RAISED:
                composition->n_raised++;
                worsen(composition, (Severity) item->record.severity);
                if (!is_open(composition, &item->record))
                        add(&composition->conditions, item->text);
                return;
        case NOTICE_CLEARED:
                composition->n_cleared++;
                if (!is_open(composition, &item->record))
                        add(&composition->conditions, item->text);
                return;
        case NOTICE_REMINDER:
                composition->n_reminders++;
                return;
        case NOTICE_ENDED:
                composition->n_cleared++;
                add(&composition->conditions, item->text);
                return;
        }
}

/* Calls @call once for each file system of the message. */
static void each_filesystem(Route *route, void (*call)(void *userdata, const char *filesystem), void *userdata) {
        const Item *item, *earlier;

        TAILQ_FOREACH(item, &route->items, entries) {
                if (!notice_item_is_sent(route, item))
                        return;
                TAILQ_FOREACH(earlier, &route->items, entries)
                        if (earlier == item || text_equal(earlier->record.filesystem, item->record.filesystem))
                                break;
                if (earlier == item)
                        call(userdata, item->record.filesystem);
        }
}

static void compose_open(void *userdata, const char *filesystem) {
        Composition *composition = userdata;
        const NoticeCalls *calls = &composition->queue->calls;

        (void) calls->each_open(calls->userdata, filesystem, on_open, composition);
}

static const char *reason_of(const Composition *composition) {
        if (composition->n_events + composition->n_raised > 0)
                return "new";
        return composition->n_cleared > 0 ? "cleared" : "reminder";
}

static const char *status_of(const Composition *composition) {
        if (composition->n_open > 0)
                return "open";
        return composition->n_cleared > 0 ? "resolved" : "told";
}

/* The first that says something, and how much more there is. */
static void compose_summary(Composition *composition, const Item *first) {
        size_t n_more = composition->n_events + composition->n_raised + composition->n_cleared;

        n_more -= n_more > 0 && first;
        (void) text_append_format(composition->summary, sizeof(composition->summary), "%s%s",
                                  text_equal(status_of(composition), "resolved") ? "resolved: " :
                                  text_equal(reason_of(composition), "reminder") ? "still open: " : "",
                                  first ? first->record.line : "");
        if (n_more > 0)
                (void) text_append_format(composition->summary, sizeof(composition->summary), " (and %zu more)",
                                          n_more);
}

static void compose(Composition *composition) {
        Route *route = composition->route;
        const Item *item, *first = NULL;

        composition->severity = SEVERITY_INFO;
        TAILQ_FOREACH(item, &route->items, entries) {
                if (!notice_item_is_sent(route, item))
                        break;
                compose_item(composition, item);
                if (!first && item->record.line[0])
                        first = item;
        }
        composition->events.n_omitted += route->state.n_message_omitted;
        each_filesystem(route, compose_open, composition);
        if (composition->severity == SEVERITY_INFO && composition->n_cleared > 0)
                composition->severity = SEVERITY_NOTICE;
        compose_summary(composition, first);
}

/* What is being collected becomes the message. */
static void close_group(NoticeQueue *queue, Route *route, const NoticeTime *now) {
        route->state.message_id = queue->calls.new_number(queue->calls.userdata);
        route->state.last_number = TAILQ_LAST(&route->items, Items)->record.number;
        route->state.n_attempts = 0;
        route->state.n_message_omitted = route->state.n_group_omitted;
        route->state.n_group_omitted = 0;
        route->state.group_since_usec = 0;
        route->group_due_usec = USEC_INFINITY;
        route->try_due_usec = now->boottime_usec;
        notice_keep_route(queue, route);
}

static uint64_t pause_after(uint64_t n_attempts) {
        uint64_t pause_usec = NOTICE_PAUSE_MIN_USEC;

        for (uint64_t i = 1; i < n_attempts && pause_usec < NOTICE_PAUSE_MAX_USEC; i++)
                pause_usec *= 2;
        pause_usec = min_of(pause_usec, NOTICE_PAUSE_MAX_USEC);
        return pause_usec + (uint64_t) random() % (pause_usec / 5 + 1);
}

typedef struct Failing {
        NoticeQueue *queue;
        Route *route;
        const char *why;
} Failing;

static void say_failing(void *userdata, const char *filesystem) {
        const Failing *failing = userdata;
        const NoticeCalls *calls = &failing->queue->calls;

        calls->on_failing(calls->userdata, failing->route->name, filesystem, failing->why);
}

static void failed(NoticeQueue *queue, Route *route, const char *why, const NoticeTime *now) {
        Failing failing = { queue, route, why };

        route->answer_due_usec = USEC_INFINITY;
        route->try_due_usec = now->boottime_usec + pause_after(route->state.n_attempts);
        (void) text_copy(route->failing_why, sizeof(route->failing_why), why && *why ? why : "it failed");
        failing.why = route->failing_why;
        notice_keep_route(queue, route);
        each_filesystem(route, say_failing, &failing);
}

static void count_open(void *userdata, _unused_ const char *code, _unused_ const char *target,
                       _unused_ Severity severity, _unused_ const char *text) {
        ++*(size_t *) userdata;
}

bool notice_has_open(NoticeQueue *queue, const char *filesystem, size_t *ret_n) {
        *ret_n = 0;
        return queue->calls.each_open(queue->calls.userdata, filesystem, count_open, ret_n);
}

void notice_told_arm(const Route *route, Told *told, const NoticeTime *now) {
        told->resend_due_usec = route->resend_usec > 0 ? now->boottime_usec + route->resend_usec : USEC_INFINITY;
}

void notice_told_mark_open(NoticeQueue *queue, Route *route, Told *told) {
        if (told->record.had_open)
                return;
        told->record.had_open = 1;
        notice_keep_told(queue, route, told);
}

static bool is_end(const NoticeRecord *record) {
        return record->kind == NOTICE_CLEARED || record->kind == NOTICE_ENDED;
}

static bool end_is_collected(const Route *route, const char *filesystem) {
        const Item *item;

        TAILQ_FOREACH(item, &route->items, entries)
                if (is_end(&item->record) && text_equal(item->record.filesystem, filesystem))
                        return true;
        return false;
}

/* Of what is there and has nothing open any more. Whatever happens to it next has to be said by a rule again. */
static void tell_end(NoticeQueue *queue, Route *route, Told *told, const NoticeTime *now) {
        NoticeRecord record = { .kind = NOTICE_ENDED, .severity = SEVERITY_INFO };
        _cleanup_(free_at) char *text = NULL;
        char subject[NOTICE_SUBJECT_SIZE];

        if (!told->record.had_open || end_is_collected(route, told->filesystem)) {
                notice_told_remove(queue, route, told);
                return;
        }
        (void) text_copy(record.filesystem, sizeof(record.filesystem), told->filesystem);
        (void) text_append_format(record.line, sizeof(record.line), "%s: no condition is open any more",
                                  queue->calls.subject(queue->calls.userdata, told->filesystem, subject));
        if (queue->calls.ended(queue->calls.userdata, told->filesystem, &text) >= 0)
                (void) notice_collect(queue, route, &record, text, now);
}

typedef struct Delivery {
        NoticeQueue *queue;
        Route *route;
        const NoticeTime *now;
} Delivery;

static void filesystem_delivered(void *userdata, const char *filesystem) {
        const Delivery *delivery = userdata;
        Told *told = notice_told_find(delivery->route, filesystem);
        size_t n_open;

        if (!told)
                return;
        if (notice_has_open(delivery->queue, filesystem, &n_open) && n_open == 0) {
                tell_end(delivery->queue, delivery->route, told, delivery->now);
                return;
        }
        told->record.sent_usec = delivery->now->realtime_usec;
        told->record.had_open |= n_open > 0;
        notice_told_arm(delivery->route, told, delivery->now);
        notice_keep_told(delivery->queue, delivery->route, told);
}

static void delivered(NoticeQueue *queue, Route *route, const NoticeTime *now) {
        Delivery delivery = { queue, route, now };
        Failing failing = { queue, route, NULL };
        Item *next;

        if (route->failing_why[0]) {
                route->failing_why[0] = '\0';
                each_filesystem(route, say_failing, &failing);
        }
        each_filesystem(route, filesystem_delivered, &delivery);
        for (Item *item = TAILQ_FIRST(&route->items); item && notice_item_is_sent(route, item); item = next) {
                next = TAILQ_NEXT(item, entries);
                notice_item_remove(queue, route, item);
        }
        route->state.message_id = 0;
        route->state.n_message_omitted = 0;
        route->answer_due_usec = USEC_INFINITY;
        notice_keep_route(queue, route);
}

static void send_message(NoticeQueue *queue, Route *route, const NoticeTime *now) {
        _cleanup_(composition_clear) Composition composition = { .queue = queue, .route = route };
        NoticeMessage message;
        int r;

        compose(&composition);
        message = (NoticeMessage) {
                .id = route->state.message_id,
                .route = route->name,
                .unit = route->state.unit,
                .reason = reason_of(&composition),
                .status = status_of(&composition),
                .summary = composition.summary,
                .severity = composition.severity,
                .count = composition.n_events + route->state.n_message_omitted,
                .attempt = (unsigned) min_of(route->state.n_attempts + 1, (uint64_t) UINT32_MAX),
                .events = &composition.events,
                .conditions = &composition.conditions,
        };
        /* As long as it is not taken, the result of the try before is the answer to this one, too. */
        if (route->failing_why[0])
                queue->calls.taken(queue->calls.userdata, message.id);
        r = queue->calls.send(queue->calls.userdata, &message);
        if (r == -ENOTCONN) {
                queue->is_worker_there = false;
                return;
        }

        route->state.n_attempts++;
        if (r < 0) {
                failed(queue, route, strerror(-r), now);
                return;
        }
        route->answer_due_usec = now->boottime_usec + NOTICE_TIMEOUT_USEC + NOTICE_ANSWER_GRACE_USEC;
        notice_keep_route(queue, route);
}

bool notice_is_silenced(const NoticeQueue *queue, const Route *route, const char *filesystem, const char *code,
                        Severity severity, bool counts) {
        const NoticeCalls *calls = &queue->calls;

        return calls->is_silenced &&
               calls->is_silenced(calls->userdata, route->name, filesystem, code, severity, counts);
}

typedef struct Silenced {
        const NoticeQueue *queue;
        const Route *route;
        const char *filesystem;
        size_t n_open, n_silenced;
} Silenced;

static void count_silenced(void *userdata, const char *code, _unused_ const char *target, Severity severity,
                           _unused_ const char *text) {
        Silenced *silenced = userdata;

        silenced->n_open++;
        silenced->n_silenced += notice_is_silenced(silenced->queue, silenced->route, silenced->filesystem, code,
                                                   severity, false);
}

/* Nothing of what there would be to say may be said. */
static bool all_is_silenced(NoticeQueue *queue, const Route *route, const char *filesystem) {
        Silenced silenced = { queue, route, filesystem, 0, 0 };

        if (!queue->calls.is_silenced)
                return false;
        (void) queue->calls.each_open(queue->calls.userdata, filesystem, count_silenced, &silenced);
        return silenced.n_open > 0 ? silenced.n_silenced == silenced.n_open
                                   : notice_is_silenced(queue, route, filesystem, "", SEVERITY_NOTICE, false);
}

static void look(NoticeQueue *queue, Route *route, Told *told, const NoticeTime *now) {
        size_t n_open;

        told->look_due_usec = USEC_INFINITY;
        if (!notice_has_open(queue, told->filesystem, &n_open) || n_open > 0)
                return;
        if (all_is_silenced(queue, route, told->filesystem))
                told->look_due_usec = now->boottime_usec + NOTICE_LOOK_USEC;
        else
                tell_end(queue, route, told, now);
}

static bool is_waiting(const Route *route, const char *filesystem) {
        const Item *item;

        TAILQ_FOREACH(item, &route->items, entries)
                if (text_equal(item->record.filesystem, filesystem))
                        return true;
        return false;
}

static void remind_now(NoticeQueue *queue, Route *route, const char *filesystem, size_t n_open,
                       const NoticeTime *now) {
        NoticeRecord record = { .kind = NOTICE_REMINDER, .severity = SEVERITY_INFO };
        char subject[NOTICE_SUBJECT_SIZE];

        (void) text_copy(record.filesystem, sizeof(record.filesystem), filesystem);
        (void) text_append_format(record.line, sizeof(record.line), "%s: %zu condition%s",
                                  queue->calls.subject(queue->calls.userdata, filesystem, subject), n_open,
                                  n_open == 1 ? "" : "s");
        (void) notice_collect(queue, route, &record, NULL, now);
}

static void remind(NoticeQueue *queue, Route *route, Told *told, const NoticeTime *now) {
        size_t n_open;

        /* Of what is not mounted nobody knows anything new, and what waits to be told needs no reminder: later. */
        notice_told_arm(route, told, now);
        if (is_waiting(route, told->filesystem) || !notice_has_open(queue, told->filesystem, &n_open) ||
            all_is_silenced(queue, route, told->filesystem))
                return;
        if (n_open == 0)
                tell_end(queue, route, told, now);
        else
                remind_now(queue, route, told->filesystem, n_open, now);
}

void notice_route_unsilenced(NoticeQueue *queue, Route *route, const char *filesystem, const NoticeTime *now) {
        Told *told = notice_told_find(route, filesystem);
        size_t n_open;

        if (!notice_has_open(queue, filesystem, &n_open))
                return;
        if (n_open == 0) {
                if (told)
                        tell_end(queue, route, told, now);
                return;
        }
        if (!told && notice_told_insert(queue, route, filesystem, &told) >= 0)
                notice_keep_told(queue, route, told);
        if (told)
                notice_told_mark_open(queue, route, told);
        if (!is_waiting(route, filesystem))
                remind_now(queue, route, filesystem, n_open, now);
}

void notice_route_run(NoticeQueue *queue, Route *route, const NoticeTime *now) {
        Told *next;

        if (route->answer_due_usec <= now->boottime_usec)
                failed(queue, route, "the worker did not say what became of it", now);

        for (Told *told = TAILQ_FIRST(&route->told); told; told = next) {
                next = TAILQ_NEXT(told, entries);
                if (told->look_due_usec <= now->boottime_usec)
                        look(queue, route, told, now);
                else if (told->resend_due_usec <= now->boottime_usec)
                        remind(queue, route, told, now);
        }

        if (route->state.message_id == 0 && route->group_due_usec <= now->boottime_usec) {
                if (route->n_items > 0)
                        close_group(queue, route, now);
                else
                        route->group_due_usec = USEC_INFINITY;
        }
        if (route->state.message_id != 0 && route->answer_due_usec == USEC_INFINITY && queue->is_worker_there &&
            route->try_due_usec <= now->boottime_usec)
                send_message(queue, route, now);
}

/* It may be that of a message which an earlier run kept, and which is not adopted yet. */
static bool keep_early(NoticeQueue *queue, uint64_t id, Outcome outcome, const char *detail) {
        EarlyResult *early;

        if (queue->is_loaded || queue->n_early >= NOTICE_EARLY_MAX)
                return false;
        early = queue->early + queue->n_early++;
        *early = (EarlyResult) { .id = id, .outcome = outcome };
        (void) text_copy(early->detail, sizeof(early->detail), detail);
        return true;
}

void notice_early_results(NoticeQueue *queue, const NoticeTime *now) {
        for (size_t i = 0; i < queue->n_early; i++) {
                const EarlyResult *early = queue->early + i;

                if (!notice_queue_on_result(queue, early->id, early->outcome, early->detail, now))
                        queue->calls.taken(queue->calls.userdata, early->id);
        }
        queue->n_early = 0;
}

bool notice_queue_on_result(NoticeQueue *queue, uint64_t id, Outcome outcome, const char *detail,
                            const NoticeTime *now) {
        Route *route;

        TAILQ_FOREACH(route, &queue->routes, entries)
                if (route->state.message_id == id && id != 0)
                        break;
        if (!route)
                return keep_early(queue, id, outcome, detail);

        if (outcome_is_success(outcome))
                delivered(queue, route, now);
        else if (route->answer_due_usec != USEC_INFINITY)
                failed(queue, route, *detail ? detail : outcome_to_sentence(outcome), now);
        queue->calls.taken(queue->calls.userdata, id);
        notice_queue_run(queue, now);
        return true;
}
