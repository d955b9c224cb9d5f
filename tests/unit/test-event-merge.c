/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bursts: the first report at once, the rest counted, the order kept, nothing lost.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "src/basic/clock.h"
#include "src/source/event-merge.h"

typedef struct Seen {
        HealthEvent events[128];
        size_t n_events;
        uint64_t n_reports;
} Seen;

static void on_event(void *userdata, const HealthEvent *event) {
        Seen *seen = userdata;

        if (seen->n_events < ELEMENTSOF(seen->events))
                seen->events[seen->n_events] = *event;
        seen->n_events++;
        seen->n_reports += event->count;
}

static HealthEvent sick(uint64_t filesystem_id, uint32_t group) {
        return (HealthEvent) {
                .filesystem_id = filesystem_id,
                .kind = EVENT_SICK,
                .domain = DOMAIN_AG,
                .structure = STRUCTURE_AG_FINOBT,
                .group = group,
                .count = 1,
        };
}

typedef struct Setup {
        sd_event *event;
        EventMerge *merge;
        Seen seen;
} Setup;

static int setup(void **state) {
        static Setup s;
        const EventSink sink = { .on_event = on_event, .userdata = &s.seen };

        s = (Setup) {};
        assert_int_equal(sd_event_new(&s.event), 0);
        assert_int_equal(event_merge_new(s.event, &sink, &s.merge), 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;

        event_merge_free(s->merge);
        sd_event_unref(s->event);
        return 0;
}

static void test_burst_is_counted(void **state) {
        Setup *s = *state;
        const HealthEvent event = sick(1, 0);

        for (unsigned i = 0; i < 1000; i++)
                event_merge_take(s->merge, &event);
        assert_int_equal(s->seen.n_events, 1); /* the first went on at once */

        /* The rest comes by itself within the window. */
        while (s->seen.n_events < 2)
                assert_true(sd_event_run(s->event, 30 * USEC_PER_SEC) > 0);
        assert_int_equal(s->seen.n_reports, 1000);
        assert_int_equal(s->seen.events[1].count, 999);
}

static void test_others_are_not_held(void **state) {
        Setup *s = *state;
        const HealthEvent first = sick(1, 0), group = sick(1, 1), filesystem = sick(2, 0);

        event_merge_take(s->merge, &first);
        event_merge_take(s->merge, &group);
        event_merge_take(s->merge, &filesystem);
        assert_int_equal(s->seen.n_events, 3);
}

static void test_healthy_comes_after_what_it_answers(void **state) {
        Setup *s = *state;
        const HealthEvent event = sick(1, 0);
        HealthEvent healthy = sick(1, 0);

        healthy.kind = EVENT_HEALTHY;
        event_merge_take(s->merge, &event);
        event_merge_take(s->merge, &event);
        event_merge_take(s->merge, &healthy);
        assert_int_equal(s->seen.n_events, 3);
        assert_int_equal(s->seen.events[1].kind, EVENT_SICK);
        assert_int_equal(s->seen.events[2].kind, EVENT_HEALTHY);

        /* The next report is a new story. */
        event_merge_take(s->merge, &event);
        assert_int_equal(s->seen.n_events, 4);
}

static void test_more_bursts_than_can_be_remembered(void **state) {
        Setup *s = *state;

        for (uint32_t i = 0; i < EVENT_MERGE_BURSTS_MAX + 100; i++) {
                const HealthEvent event = sick(1, i);

                event_merge_take(s->merge, &event);
                event_merge_take(s->merge, &event);
        }
        event_merge_flush(s->merge, 1);
        assert_int_equal(s->seen.n_reports, 2 * (EVENT_MERGE_BURSTS_MAX + 100));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_burst_is_counted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_others_are_not_held, setup, teardown),
                cmocka_unit_test_setup_teardown(test_healthy_comes_after_what_it_answers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_more_bursts_than_can_be_remembered, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
