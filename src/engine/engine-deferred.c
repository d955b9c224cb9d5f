/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Decisions that wait, and actions that wait for their window: kept in policy/deferred-table, looked at again by the
 * clock that counts suspend. What comes due walks through facts and decision once more, for its rule alone.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/basic/clock.h"
#include "src/basic/log.h"
#include "src/basic/text.h"
#include "src/engine/engine-internal.h"

/* A clock that was set moves the openings of windows; nobody says so, so they are looked for again. */
#define LOOK_AGAIN_USEC USEC_PER_HOUR

static void timer_arm(Engine *engine) {
        uint64_t due_usec = deferred_table_due_usec(engine->deferred);
        int r;

        if (due_usec == USEC_INFINITY) {
                (void) sd_event_source_set_enabled(engine->deferred_timer, SD_EVENT_OFF);
                return;
        }
        r = sd_event_source_set_time(engine->deferred_timer,
                                     min_of(due_usec, clock_boottime_usec() + LOOK_AGAIN_USEC));
        if (r >= 0)
                r = sd_event_source_set_enabled(engine->deferred_timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "what waits cannot be woken: %m");
}

static Filesystem *find_filesystem(Engine *engine, const Deferred *deferred) {
        for (Filesystem *f = NULL; (f = filesystem_table_next(engine->filesystems, f));) {
                const EventFacts facts = engine_facts(engine, &deferred->events[0].event, f);
                char text[EVENT_PARTS_TEXT_SIZE];

                if (event_parts_text(&facts, EVENT_PART_BIT(EVENT_PART_FS), 0, text) >= 0 &&
                    strcmp(text, deferred->filesystem) == 0)
                        return f;
        }
        return NULL;
}

void engine_deferred_tell_dropped(Engine *engine, const Deferred *deferred, const Filesystem *filesystem,
                                  const char *why) {
        const HealthEvent *event = &deferred->events[0].event;
        Decision decision = { .event_id = event->id, .source = DECISION_RULE };

        (void) text_copy(decision.rule_id, sizeof(decision.rule_id), deferred->rule_id);
        decision.policy_generation = engine->policy_generation;
        (void) text_copy(decision.suppressed_by, sizeof(decision.suppressed_by), why);
        if (filesystem)
                engine_tell(engine, on_decision, &decision, event, filesystem);
        else
                log_info("rule %s: what waited is dropped: %s", deferred->rule_id, why);
}

static void drop(Engine *engine, Deferred *deferred, const Filesystem *filesystem, const char *why) {
        engine_deferred_tell_dropped(engine, deferred, filesystem, why);
        deferred_table_take(engine->deferred, deferred);
        engine_forget_deferred(engine, deferred);
        deferred_free(deferred);
}

/* It waited for its window until it may not any more: somebody should know. */
static void expire(Engine *engine, Deferred *deferred, Filesystem *filesystem) {
        char message[RULE_ID_SIZE + 80];

        (void) snprintf(message, sizeof(message), "an action of rule %s waited for its window for too long",
                        deferred->rule_id);
        if (filesystem)
                engine_raise(engine, filesystem, CONDITION_ACTION_EXPIRED, SEVERITY_WARNING, deferred->rule_id, message,
                             deferred->events[0].event.id);
        drop(engine, deferred, filesystem, "its window did not open in time");
}

/* Its file system is not mounted: until it is, it can only expire. */
static void park(Deferred *deferred) {
        deferred->due_usec = deferred->kind == DEFERRED_IN ? deferred->last_usec : INT64_MAX;
}

static bool is_parked(const Deferred *deferred) {
        return deferred->due_usec == (deferred->kind == DEFERRED_IN ? deferred->last_usec : INT64_MAX);
}

void engine_deferred_run(Engine *engine) {
        uint64_t now = clock_boottime_usec();
        Deferred *due;

        while ((due = deferred_table_due(engine->deferred, now))) {
                Filesystem *filesystem = find_filesystem(engine, due);

                if (deferred_has_expired(due, now)) {
                        expire(engine, due, filesystem);
                        continue;
                }
                if (!filesystem) {
                        park(due);
                        continue;
                }
                deferred_table_take(engine->deferred, due);
                engine_forget_deferred(engine, due);
                engine_take_deferred(engine, filesystem, due);
        }
        timer_arm(engine);
}

/* Windows open when they do, whatever was thought before. */
void engine_deferred_on_clock(Engine *engine) {
        uint64_t now = clock_boottime_usec();

        for (Deferred *item = NULL; (item = deferred_table_next(engine->deferred, item));) {
                const EventFacts facts = engine_facts(engine, &item->events[0].event, NULL);
                uint64_t opens_usec;

                if (item->kind != DEFERRED_IN || is_parked(item))
                        continue;
                opens_usec = policy_window_opens_usec(engine->policy, item->rule_id, item->step, &facts);
                item->due_usec = opens_usec == USEC_INFINITY ? item->last_usec : (int64_t) (now + opens_usec);
        }
        engine_deferred_run(engine);
}

static int on_timer(_unused_ sd_event_source *source, _unused_ uint64_t usec, void *userdata) {
        engine_deferred_on_clock(userdata);
        return 0;
}

int engine_deferred_start(Engine *engine) {
        int r;

        r = deferred_table_new(&engine->deferred);
        if (r < 0)
                return r;
        r = sd_event_add_time(engine->event, &engine->deferred_timer, CLOCK_BOOTTIME, 0, USEC_PER_SEC, on_timer,
                              engine);
        if (r < 0)
                return log_error_errno(r, "cannot make a timer for what waits: %m");
        (void) sd_event_source_set_description(engine->deferred_timer, "deferred");
        return sd_event_source_set_enabled(engine->deferred_timer, SD_EVENT_OFF);
}

void engine_defer(Engine *engine, const Decision *decision, size_t action, const EventFacts *facts) {
        HealthEvent event = *facts->event;
        EventFacts kept = *facts;
        Deferred *deferred;
        int r;

        if (engine->options.replay_path)
                return;
        /* Its copy in the ring is given back when it is decided; this one is kept by itself. */
        event.kept_as = 0;
        kept.event = &event;
        r = deferred_table_add(engine->deferred, decision, action, &kept, &deferred);
        if (r < 0) {
                log_error_errno(r, "event %" PRIu64 ": rule %s cannot wait, it does nothing: %m", event.id,
                                decision->rule_id);
                engine->totals.n_dropped++;
                return;
        }
        engine_keep_deferred(engine, deferred);
        timer_arm(engine);
}

void engine_deferred_on_healthy(Engine *engine, const Filesystem *filesystem, const HealthEvent *event) {
        const EventFacts facts = engine_facts(engine, event, filesystem);
        Deferred *healed;

        while ((healed = deferred_table_healed(engine->deferred, &facts)))
                drop(engine, healed, filesystem, "for: it is healthy again");
        timer_arm(engine);
}

void engine_deferred_on_mounted(Engine *engine, const Filesystem *filesystem) {
        for (Deferred *item = NULL; (item = deferred_table_next(engine->deferred, item));)
                if (is_parked(item) && find_filesystem(engine, item) == filesystem)
                        item->due_usec = (int64_t) clock_boottime_usec();
        engine_deferred_run(engine);
}

void engine_deferred_on_unmount(Engine *engine, Filesystem *filesystem) {
        Deferred *next;

        for (Deferred *item = deferred_table_next(engine->deferred, NULL); item; item = next) {
                next = deferred_table_next(engine->deferred, item);
                if (find_filesystem(engine, item) != filesystem)
                        continue;
                if (item->kind == DEFERRED_FOR)
                        drop(engine, item, filesystem, "for: it was unmounted");
                else if (item->kind == DEFERRED_GATHER) {
                        /* No other will come. */
                        deferred_table_take(engine->deferred, item);
                        engine_forget_deferred(engine, item);
                        engine_take_deferred(engine, filesystem, item);
                }
        }
        timer_arm(engine);
}

void engine_deferred_stop(Engine *engine) {
        sd_event_source_disable_unref(engine->deferred_timer);
        deferred_table_free(engine->deferred);
}
