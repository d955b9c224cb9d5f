/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Routes and what they have to tell.
 */

#include "src/notice/notice-queue-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"

int notice_queue_new(const NoticeCalls *calls, NoticeQueue **ret_queue) {
        NoticeQueue *queue = calloc(1, sizeof(*queue));

        if (!queue)
                return -ENOMEM;
        queue->calls = *calls;
        TAILQ_INIT(&queue->routes);
        *ret_queue = queue;
        return 0;
}

/* Items */

static void item_unlink(NoticeQueue *queue, Route *route, Item *item) {
        TAILQ_REMOVE(&route->items, item, entries);
        route->n_items--;
        queue->n_items--;
        free(item->text);
        free(item);
}

void notice_item_remove(NoticeQueue *queue, Route *route, Item *item) {
        char key[NOTICE_KEY_SIZE];

        queue->calls.forget(queue->calls.userdata, notice_key_item(route->name, item->record.number, key));
        item_unlink(queue, route, item);
}

uint64_t notice_item_number(NoticeQueue *queue) {
        uint64_t number = queue->calls.new_number(queue->calls.userdata);

        return max_of(number, queue->highest_number + 1);
}

int notice_item_insert(NoticeQueue *queue, Route *route, const NoticeRecord *record, const char *text,
                       Item **ret_item) {
        Item *item, *before;

        if (route->n_items >= NOTICE_ROUTE_ITEMS_MAX || queue->n_items >= NOTICE_ITEMS_MAX)
                return -ENOBUFS;
        item = calloc(1, sizeof(*item));
        if (!item)
                return -ENOMEM;
        item->record = *record;
        if (text) {
                item->text = strdup(text);
                if (!item->text) {
                        free(item);
                        return -ENOMEM;
                }
        }

        /* Nearly always at the end. */
        TAILQ_FOREACH_REVERSE(before, &route->items, Items, entries)
                if (before->record.number < record->number)
                        break;
        if (before)
                TAILQ_INSERT_AFTER(&route->items, before, item, entries);
        else
                TAILQ_INSERT_HEAD(&route->items, item, entries);
        route->n_items++;
        queue->n_items++;
        queue->highest_number = max_of(queue->highest_number, record->number);
        *ret_item = item;
        return 0;
}

/* File systems that a route has told of */

Told *notice_told_find(Route *route, const char *filesystem) {
        Told *told;

        TAILQ_FOREACH(told, &route->told, entries)
                if (text_equal(told->filesystem, filesystem))
                        return told;
        return NULL;
}

static void told_unlink(NoticeQueue *queue, Route *route, Told *told) {
        TAILQ_REMOVE(&route->told, told, entries);
        queue->n_told--;
        free(told);
}

void notice_told_remove(NoticeQueue *queue, Route *route, Told *told) {
        char key[NOTICE_KEY_SIZE];

        queue->calls.forget(queue->calls.userdata, notice_key_told(route->name, told->filesystem, key));
        told_unlink(queue, route, told);
}

int notice_told_insert(NoticeQueue *queue, Route *route, const char *filesystem, Told **ret_told) {
        Told *told, *oldest = TAILQ_FIRST(&route->told);

        if (queue->n_told >= NOTICE_TOLD_MAX) {
                if (!oldest)
                        return -ENOBUFS;
                log_warning("route %s: %d file systems are told of, of %s it is not said when all is well", route->name,
                            NOTICE_TOLD_MAX, oldest->filesystem);
                notice_told_remove(queue, route, oldest);
        }

        told = calloc(1, sizeof(*told));
        if (!told)
                return -ENOMEM;
        (void) text_copy(told->filesystem, sizeof(told->filesystem), filesystem);
        told->resend_due_usec = told->look_due_usec = USEC_INFINITY;
        TAILQ_INSERT_TAIL(&route->told, told, entries);
        queue->n_told++;
        *ret_told = told;
        return 0;
}

/* Routes */

Route *notice_route_find(NoticeQueue *queue, const char *name) {
        Route *route;

        TAILQ_FOREACH(route, &queue->routes, entries)
                if (text_equal(route->name, name))
                        return route;
        return NULL;
}

int notice_route_add(NoticeQueue *queue, const char *name, Route **ret_route) {
        Route *route;

        if (queue->n_routes >= NOTICE_ROUTES_MAX)
                return -ENOBUFS;
        route = calloc(1, sizeof(*route));
        if (!route)
                return -ENOMEM;
        (void) text_copy(route->name, sizeof(route->name), name);
        TAILQ_INIT(&route->items);
        TAILQ_INIT(&route->told);
        route->group_due_usec = route->try_due_usec = route->answer_due_usec = USEC_INFINITY;
        TAILQ_INSERT_TAIL(&queue->routes, route, entries);
        queue->n_routes++;
        *ret_route = route;
        return 0;
}

/* Only from memory. */
static void route_free(NoticeQueue *queue, Route *route) {
        Item *item;
        Told *told;

        while ((item = TAILQ_FIRST(&route->items)))
                item_unlink(queue, route, item);
        while ((told = TAILQ_FIRST(&route->told)))
                told_unlink(queue, route, told);
        TAILQ_REMOVE(&queue->routes, route, entries);
        queue->n_routes--;
        free(route);
}

/* Nobody is told any more over it, and nothing that was kept of it comes back. */
static void route_forget(NoticeQueue *queue, Route *route) {
        char key[NOTICE_KEY_SIZE];
        Item *item;
        Told *told;

        queue->n_dropped_elsewhere += route->state.n_dropped + route->n_items;
        while ((item = TAILQ_FIRST(&route->items)))
                notice_item_remove(queue, route, item);
        while ((told = TAILQ_FIRST(&route->told)))
                notice_told_remove(queue, route, told);
        queue->calls.forget(queue->calls.userdata, notice_key_route(route->name, key));
        route_free(queue, route);
}

void notice_routes_clean(NoticeQueue *queue) {
        Route *next;

        if (!queue->has_policy)
                return;
        for (Route *route = TAILQ_FIRST(&queue->routes); route; route = next) {
                next = TAILQ_NEXT(route, entries);
                if (!route->is_in_policy && (route->n_items == 0 || !unit_name_is_template(route->state.unit)))
                        route_forget(queue, route);
        }
}

NoticeQueue *notice_queue_free(NoticeQueue *queue) {
        Route *route;

        if (!queue)
                return NULL;
        while ((route = TAILQ_FIRST(&queue->routes)))
                route_free(queue, route);
        free(queue);
        return NULL;
}

static void route_leave_policy(Route *route, const NoticeTime *now) {
        route->is_in_policy = false;
        route->resend_usec = 0;
        /* What was collected is not collected any further. */
        if (route->group_due_usec != USEC_INFINITY)
                route->group_due_usec = now->boottime_usec;
}

int notice_queue_set_routes(NoticeQueue *queue, const NoticeRoute *routes, size_t n, const NoticeTime *now) {
        Route *route;
        Told *told;

        queue->has_policy = true;
        TAILQ_FOREACH(route, &queue->routes, entries)
                route_leave_policy(route, now);

        for (size_t i = 0; i < n; i++) {
                bool is_changed;
                int r;

                route = notice_route_find(queue, routes[i].name);
                if (!route) {
                        r = notice_route_add(queue, routes[i].name, &route);
                        if (r < 0)
                                return r;
                }
                is_changed = !text_equal(route->state.unit, routes[i].unit);
                (void) text_copy(route->state.unit, sizeof(route->state.unit), routes[i].unit);
                route->is_in_policy = true;
                route->group_usec = routes[i].group_usec;
                route->resend_usec = routes[i].resend_usec;
                if (is_changed && queue->is_loaded)
                        notice_keep_route(queue, route);
                TAILQ_FOREACH(told, &route->told, entries)
                        notice_told_arm(route, told, now);
        }
        if (queue->is_loaded) {
                notice_routes_clean(queue);
                notice_queue_run(queue, now);
        }
        return 0;
}

/* What is to be told */

static void group_begin(NoticeQueue *queue, Route *route, const NoticeTime *now) {
        if (route->group_due_usec != USEC_INFINITY)
                return;
        route->state.group_since_usec = now->realtime_usec;
        route->group_due_usec = now->boottime_usec + route->group_usec;
        notice_keep_route(queue, route);
}

int notice_collect(NoticeQueue *queue, Route *route, NoticeRecord *record, const char *text, const NoticeTime *now) {
        Item *item;
        int r;

        record->number = notice_item_number(queue);
        r = notice_item_insert(queue, route, record, text, &item);
        if (r < 0) {
                if (route->state.n_dropped++ == 0)
                        log_warning_errno(r, "route %s: notifications cannot be kept any more, they are only counted "
                                             "(NotificationsDropped): %m", route->name);
                route->state.n_group_omitted++;
                notice_keep_route(queue, route);
                return r;
        }
        item->is_early = !queue->is_loaded;
        notice_keep_item(queue, route, item);
        group_begin(queue, route, now);
        return 0;
}

static bool origin_is_known(const NoticeQueue *queue, uint64_t origin) {
        for (size_t i = 0; i < NOTICE_ORIGINS_MAX; i++)
                if (queue->origins.items[i] == origin)
                        return true;
        return false;
}

int notice_queue_event(NoticeQueue *queue, const NoticeEvent *event, const NoticeTime *now) {
        Route *route = notice_route_find(queue, event->route);
        NoticeRecord record = { .count = event->count, .kind = NOTICE_EVENT, .severity = event->severity };
        size_t n_open;
        Told *told;
        int r;

        if (!route || !route->is_in_policy)
                return -ENOENT;
        if (event->is_repeated && origin_is_known(queue, event->origin))
                return 0;

        (void) text_copy(record.filesystem, sizeof(record.filesystem), event->filesystem);
        (void) text_append_format(record.line, sizeof(record.line), "%s%s", event->is_test ? "test: " : "",
                                  event->line);
        route->state.n_group_omitted += event->n_more;
        r = notice_collect(queue, route, &record, event->text, now);
        if (r < 0)
                return r;
        queue->origins.items[queue->origins.next++ % NOTICE_ORIGINS_MAX] = event->origin;
        notice_keep_origins(queue);

        if (event->is_test)
                return 1;
        told = notice_told_find(route, event->filesystem);
        /* One that is gone has nothing more to tell. */
        if (!told && event->filesystem[0] && notice_told_insert(queue, route, event->filesystem, &told) >= 0)
                notice_keep_told(queue, route, told);
        if (told && notice_has_open(queue, event->filesystem, &n_open) && n_open > 0)
                notice_told_mark_open(queue, route, told);
        return 1;
}

/* Of what comes and goes while it is collected only the last is told. */
static void forget_earlier(NoticeQueue *queue, Route *route, const NoticeRecord *record) {
        Item *next;

        for (Item *item = TAILQ_FIRST(&route->items); item; item = next) {
                next = TAILQ_NEXT(item, entries);
                if (!notice_item_is_sent(route, item) && item->record.code[0] &&
                    text_equal(item->record.filesystem, record->filesystem) &&
                    text_equal(item->record.code, record->code) && text_equal(item->record.target, record->target))
                        notice_item_remove(queue, route, item);
        }
}

void notice_queue_condition(NoticeQueue *queue, const NoticeCondition *condition, const NoticeTime *now) {
        Route *route;

        TAILQ_FOREACH(route, &queue->routes, entries) {
                NoticeRecord record = {
                        .kind = condition->is_raised ? NOTICE_RAISED : NOTICE_CLEARED,
                        .severity = condition->severity,
                };

                Told *told = notice_told_find(route, condition->filesystem);

                if (!told)
                        continue;
                if (condition->is_raised)
                        notice_told_mark_open(queue, route, told);
                if (notice_is_silenced(queue, route, condition->filesystem, condition->code, condition->severity, true))
                        continue;
                (void) text_copy(record.filesystem, sizeof(record.filesystem), condition->filesystem);
                (void) text_copy(record.code, sizeof(record.code), condition->code);
                (void) text_copy(record.target, sizeof(record.target), condition->target);
                (void) text_copy(record.line, sizeof(record.line), condition->line);
                forget_earlier(queue, route, &record);
                (void) notice_collect(queue, route, &record, condition->text, now);
        }
}

void notice_queue_unsilenced(NoticeQueue *queue, const char *name, const char *filesystem, const NoticeTime *now) {
        Route *route = notice_route_find(queue, name);

        if (route && route->is_in_policy)
                notice_route_unsilenced(queue, route, filesystem, now);
}

void notice_queue_filesystem(NoticeQueue *queue, const char *filesystem, const NoticeTime *now) {
        Route *route;

        TAILQ_FOREACH(route, &queue->routes, entries) {
                Told *told = notice_told_find(route, filesystem);

                if (told && told->record.had_open && told->look_due_usec == USEC_INFINITY)
                        told->look_due_usec = now->boottime_usec + NOTICE_LOOK_USEC;
        }
}

/* Time */

uint64_t notice_queue_due(const NoticeQueue *queue) {
        uint64_t due_usec = USEC_INFINITY;
        const Route *route;
        const Told *told;

        if (!queue->is_loaded)
                return USEC_INFINITY;
        TAILQ_FOREACH(route, &queue->routes, entries) {
                due_usec = min_of(due_usec, route->answer_due_usec);
                if (route->state.message_id == 0)
                        due_usec = min_of(due_usec, route->group_due_usec);
                else if (route->answer_due_usec == USEC_INFINITY && queue->is_worker_there)
                        due_usec = min_of(due_usec, route->try_due_usec);
                TAILQ_FOREACH(told, &route->told, entries) {
                        due_usec = min_of(due_usec, told->resend_due_usec);
                        due_usec = min_of(due_usec, told->look_due_usec);
                }
        }
        return due_usec;
}

void notice_queue_run(NoticeQueue *queue, const NoticeTime *now) {
        Route *route;

        if (!queue->is_loaded)
                return;
        TAILQ_FOREACH(route, &queue->routes, entries)
                notice_route_run(queue, route, now);
        notice_routes_clean(queue);
}

void notice_queue_on_worker(NoticeQueue *queue, bool is_there, const NoticeTime *now) {
        Route *route;

        queue->is_worker_there = is_there;
        if (!is_there) {
                /* The unit runs on; the next worker is asked about the same message. */
                TAILQ_FOREACH(route, &queue->routes, entries)
                        if (route->answer_due_usec != USEC_INFINITY) {
                                route->answer_due_usec = USEC_INFINITY;
                                route->try_due_usec = now->boottime_usec;
                                route->state.n_attempts--;
                        }
                return;
        }
        notice_queue_run(queue, now);
}

size_t notice_queue_n_waiting(const NoticeQueue *queue) {
        return queue->n_items;
}

uint64_t notice_queue_n_dropped(const NoticeQueue *queue) {
        uint64_t n = queue->n_dropped_elsewhere;
        const Route *route;

        TAILQ_FOREACH(route, &queue->routes, entries)
                n += route->state.n_dropped;
        return n;
}

const char *notice_queue_failing(const NoticeQueue *queue, size_t index) {
        const Route *route;

        TAILQ_FOREACH(route, &queue->routes, entries)
                if (route->failing_why[0] && index-- == 0)
                        return route->name;
        return NULL;
}
