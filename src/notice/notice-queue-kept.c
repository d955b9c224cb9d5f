/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept, and taken up again.
 */

#include "src/notice/notice-queue-internal.h"

#include <errno.h>
#include <string.h>

#include "src/basic/log.h"
#include "src/basic/text.h"

void notice_keep_item(NoticeQueue *queue, const Route *route, const Item *item) {
        uint8_t value[NOTICE_ROW_MAX];
        char key[NOTICE_KEY_SIZE];

        queue->calls.keep(queue->calls.userdata, notice_key_item(route->name, item->record.number, key), value,
                          notice_row_of_item(&item->record, item->text, value));
}

void notice_keep_route(NoticeQueue *queue, const Route *route) {
        uint8_t value[NOTICE_ROW_MAX];
        char key[NOTICE_KEY_SIZE];

        if (!queue->is_loaded)
                return;
        queue->calls.keep(queue->calls.userdata, notice_key_route(route->name, key), value,
                          notice_row_of_route(&route->state, value));
}

void notice_keep_told(NoticeQueue *queue, const Route *route, const Told *told) {
        uint8_t value[NOTICE_ROW_MAX];
        char key[NOTICE_KEY_SIZE];

        if (!queue->is_loaded)
                return;
        queue->calls.keep(queue->calls.userdata, notice_key_told(route->name, told->filesystem, key), value,
                          notice_row_of_told(&told->record, value));
}

void notice_keep_origins(NoticeQueue *queue) {
        uint8_t value[NOTICE_ROW_MAX];

        if (!queue->is_loaded)
                return;
        queue->calls.keep(queue->calls.userdata, NOTICE_KEY_ORIGINS, value,
                          notice_row_of_origins(&queue->origins, value));
}

/* Nothing was sent before everything is adopted, but something may have been collected: it is told with what was
 * collected then. */
static void adopt_state_early(Route *route, const NoticeRouteRecord *state) {
        const NoticeRouteRecord since = route->state;

        route->state = *state;
        if (route->is_in_policy)
                memcpy(route->state.unit, since.unit, sizeof(since.unit));
        if (since.group_since_usec > 0)
                route->state.group_since_usec = min_of(since.group_since_usec, state->group_since_usec ?: UINT64_MAX);
        route->state.n_group_omitted += since.n_group_omitted;
        route->state.n_dropped += since.n_dropped;
        route->group_due_usec = USEC_INFINITY;
}

/* A message of this run knows better; what an earlier run had left to tell comes before it. */
static void adopt_state(const NoticeQueue *queue, Route *route, const NoticeRouteRecord *state) {
        if (queue->is_loaded && (route->state.message_id != 0 || route->state.group_since_usec != 0)) {
                route->state.n_dropped += state->n_dropped;
                route->state.n_group_omitted += state->n_group_omitted + state->n_message_omitted;
                return;
        }
        adopt_state_early(route, state);
}

static int adopt_told(NoticeQueue *queue, Route *route, const NoticeRow *row) {
        Told *told = notice_told_find(route, row->filesystem);
        int r;

        if (told) {
                told->record.had_open |= row->told.had_open;
                return 0;
        }
        r = notice_told_insert(queue, route, row->filesystem, &told);
        if (r >= 0)
                told->record = row->told;
        return r;
}

/* What comes so late that a message is on its way already is told by the next one. */
static int adopt_item(NoticeQueue *queue, Route *route, const NoticeRow *row) {
        NoticeRecord record = row->item;
        char key[NOTICE_KEY_SIZE];
        Item *item;
        int r;

        if (!queue->is_loaded)
                return notice_item_insert(queue, route, &record, row->text, &item);

        queue->calls.forget(queue->calls.userdata, notice_key_item(route->name, record.number, key));
        record.number = notice_item_number(queue);
        r = notice_item_insert(queue, route, &record, row->text, &item);
        if (r >= 0)
                notice_keep_item(queue, route, item);
        return r;
}

static int adopt_row(NoticeQueue *queue, const NoticeRow *row) {
        Route *route;
        int r;

        if (row->kind == NOTICE_ROW_ORIGINS) {
                /* Those of this run are few, and come after them. */
                const NoticeOrigins since = queue->origins;

                queue->origins = row->origins;
                for (uint64_t i = 0; i < since.next && i < NOTICE_ORIGINS_MAX; i++)
                        queue->origins.items[queue->origins.next++ % NOTICE_ORIGINS_MAX] = since.items[i];
                return 0;
        }

        route = notice_route_find(queue, row->route);
        if (!route) {
                r = notice_route_add(queue, row->route, &route);
                if (r < 0)
                        return r;
        }
        if (row->kind == NOTICE_ROW_ROUTE) {
                adopt_state(queue, route, &row->state);
                return 0;
        }
        if (row->kind == NOTICE_ROW_TOLD)
                return adopt_told(queue, route, row);
        return adopt_item(queue, route, row);
}

int notice_queue_adopt(NoticeQueue *queue, const char *key, const void *value, size_t size_bytes) {
        NoticeRow row;
        int r;

        r = notice_row_read(key, value, size_bytes, &row);
        if (r >= 0)
                r = adopt_row(queue, &row);
        if (r == -ENOENT || r >= 0)
                return r;

        log_warning_errno(r, "notifications: what was kept as %s cannot be taken up: %m", key);
        queue->calls.forget(queue->calls.userdata, key);
        return r;
}

/* Time that passed on the wall since then, but no more than @limit: clocks are set. */
static uint64_t since(uint64_t then_usec, uint64_t limit, const NoticeTime *now) {
        return then_usec < now->realtime_usec ? min_of(now->realtime_usec - then_usec, limit) : 0;
}

/* Collected before it was known how far the numbers of earlier runs went: with a clock that was set back in between, it
 * would be taken for a part of the message that is on its way. */
static void renumber_early(NoticeQueue *queue, Route *route) {
        Item *next;

        for (Item *item = TAILQ_FIRST(&route->items); item; item = next) {
                char key[NOTICE_KEY_SIZE];

                next = TAILQ_NEXT(item, entries);
                if (!item->is_early || item->record.number > route->state.last_number)
                        continue;
                queue->calls.forget(queue->calls.userdata, notice_key_item(route->name, item->record.number, key));
                item->is_early = false;
                item->record.number = queue->highest_number = notice_item_number(queue);
                TAILQ_REMOVE(&route->items, item, entries);
                TAILQ_INSERT_TAIL(&route->items, item, entries);
                notice_keep_item(queue, route, item);
        }
}

static void route_loaded(NoticeQueue *queue, Route *route, const NoticeTime *now) {
        Item *item = TAILQ_FIRST(&route->items);
        Told *told;

        if (route->state.message_id != 0 && !(item && notice_item_is_sent(route, item))) {
                /* It came through; the end of that was not kept. */
                route->state.message_id = 0;
                notice_keep_route(queue, route);
        }
        if (route->state.message_id != 0 && route->answer_due_usec == USEC_INFINITY)
                route->try_due_usec = now->boottime_usec;

        item = TAILQ_LAST(&route->items, Items);
        if (item && !notice_item_is_sent(route, item) && route->group_due_usec == USEC_INFINITY) {
                if (route->state.group_since_usec == 0)
                        route->state.group_since_usec = now->realtime_usec;
                route->group_due_usec = now->boottime_usec + route->group_usec -
                                        since(route->state.group_since_usec, route->group_usec, now);
        }

        TAILQ_FOREACH(told, &route->told, entries)
                if (told->resend_due_usec == USEC_INFINITY && route->resend_usec > 0)
                        told->resend_due_usec = now->boottime_usec + route->resend_usec -
                                                since(told->record.sent_usec, route->resend_usec, now);
        TAILQ_FOREACH(told, &route->told, entries)
                if (told->record.had_open && told->look_due_usec == USEC_INFINITY)
                        told->look_due_usec = now->boottime_usec + NOTICE_LOOK_USEC;
}

static void keep_all(NoticeQueue *queue) {
        Route *route;
        Told *told;

        TAILQ_FOREACH(route, &queue->routes, entries) {
                notice_keep_route(queue, route);
                TAILQ_FOREACH(told, &route->told, entries)
                        notice_keep_told(queue, route, told);
        }
        if (queue->origins.next > 0)
                notice_keep_origins(queue);
}

void notice_queue_loaded(NoticeQueue *queue, const NoticeTime *now) {
        bool was_loaded = queue->is_loaded;
        Route *route;

        queue->is_loaded = true;
        TAILQ_FOREACH(route, &queue->routes, entries)
                queue->highest_number = max_of(queue->highest_number, route->state.last_number);
        TAILQ_FOREACH(route, &queue->routes, entries) {
                renumber_early(queue, route);
                if (!route->is_in_policy && !unit_name_is_template(route->state.unit) && route->n_items > 0)
                        log_warning("notifications: %zu for route %s are dropped, there is no such route any more",
                                    route->n_items, route->name);
                route_loaded(queue, route, now);
        }
        if (!was_loaded)
                keep_all(queue);
        notice_early_results(queue, now);
        notice_routes_clean(queue);
        notice_queue_run(queue, now);
}
