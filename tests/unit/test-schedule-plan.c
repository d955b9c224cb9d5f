/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a schedule is due: on time, missed, done by others, and while the clock is set. Time is an argument, so that
 * months pass in here.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/schedule-plan.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* Monday 2026-11-30 00:00 UTC */
#define MONDAY UINT64_C(1795996800000000)

typedef struct World {
        CalendarMoments at;
        ScheduleMemory memory;
        ScheduleClock clock;
        uint64_t others_usec;
        unsigned n_runs;
} World;

static void begin(World *world, const char *at, uint64_t offset_usec) {
        TimeFault fault;

        *world = (World) { .clock = { MONDAY, USEC_PER_HOUR, NULL, offset_usec }, .memory.handled_usec = MONDAY };
        assert_int_equal(calendar_add(&world->at, at, &fault), 0);
}

static uint64_t due(World *world) {
        return schedule_due_usec(&world->at, &world->memory, &world->clock, world->others_usec);
}

/* Both clocks go on; whatever becomes due is done in no time. */
static void pass(World *world, uint64_t usec) {
        for (; usec > 0; usec -= min_of(usec, 10 * USEC_PER_MINUTE)) {
                world->clock.realtime_usec += min_of(usec, 10 * USEC_PER_MINUTE);
                world->clock.boottime_usec += min_of(usec, 10 * USEC_PER_MINUTE);
                if (due(world) <= world->clock.realtime_usec) {
                        world->n_runs++;
                        schedule_note_handled(&world->at, &world->memory, &world->clock, true);
                }
        }
}

static void restart(World *world) {
        char key[SCHEDULE_KEY_SIZE], value[SCHEDULE_VALUE_SIZE], id[RULE_ID_SIZE];
        uint8_t uuid[UUID_SIZE] = { 7 }, got[UUID_SIZE];
        size_t size = schedule_value(&world->memory, value);

        assert_int_equal(schedule_read(schedule_key(uuid, "weekly", key), value, size, got, id, &world->memory), 0);
        assert_memory_equal(uuid, got, sizeof(uuid));
        assert_string_equal(id, "weekly");
        assert_int_equal(world->memory.ended_boottime_usec, 0);
}

static void set_clock(World *world, int64_t by_usec) {
        world->clock.realtime_usec = (uint64_t) ((int64_t) world->clock.realtime_usec + by_usec);
}

static void test_on_time(_unused_ void **state) {
        World world;

        begin(&world, "Sun 03:00", 2 * USEC_PER_HOUR);
        assert_int_equal(due(&world), MONDAY + 6 * USEC_PER_DAY + 5 * USEC_PER_HOUR);
        pass(&world, 6 * USEC_PER_DAY + 4 * USEC_PER_HOUR);
        assert_int_equal(world.n_runs, 0);
        pass(&world, USEC_PER_HOUR);
        assert_int_equal(world.n_runs, 1);
        for (unsigned week = 2; week < 60; week++) {
                pass(&world, 7 * USEC_PER_DAY);
                restart(&world);
                assert_int_equal(world.n_runs, week);
        }
}

/* Whatever was missed while the machine was off is one thing to do. */
static void test_missed(_unused_ void **state) {
        World world;

        begin(&world, "Sun 03:00", USEC_PER_HOUR);
        set_clock(&world, 30 * (int64_t) USEC_PER_DAY);
        assert_true(due(&world) <= world.clock.realtime_usec);
        schedule_note_handled(&world.at, &world.memory, &world.clock, false);
        assert_int_equal(due(&world), MONDAY + 34 * USEC_PER_DAY + 4 * USEC_PER_HOUR);
}

static void test_others(_unused_ void **state) {
        World world;

        /* Before it is due: it counts for that time, and for no further one. */
        begin(&world, "Sun 03:00", USEC_PER_HOUR);
        pass(&world, USEC_PER_DAY);
        world.others_usec = world.clock.realtime_usec;
        assert_int_equal(due(&world), MONDAY + 13 * USEC_PER_DAY + 4 * USEC_PER_HOUR);
        pass(&world, 12 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 0);
        pass(&world, USEC_PER_DAY);
        assert_int_equal(world.n_runs, 1);

        /* After it was due, because nobody could do it: the same. */
        begin(&world, "Sun 03:00", USEC_PER_HOUR);
        set_clock(&world, 8 * (int64_t) USEC_PER_DAY);
        assert_true(due(&world) <= world.clock.realtime_usec);
        world.others_usec = world.clock.realtime_usec;
        assert_true(due(&world) > world.clock.realtime_usec);

        /* Somebody's timer of the same week, an hour later than the calendar says: ours has nothing to do. */
        begin(&world, "Sun 03:00", 4 * USEC_PER_HOUR);
        for (unsigned week = 0; week < 10; week++) {
                pass(&world, 6 * USEC_PER_DAY + 5 * USEC_PER_HOUR);
                world.others_usec = world.clock.realtime_usec;
                pass(&world, 19 * USEC_PER_HOUR);
        }
        assert_int_equal(world.n_runs, 0);
}

static void test_own_ends_are_no_others(_unused_ void **state) {
        World world;

        begin(&world, "Sun 03:00", 0);
        pass(&world, 7 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 1);
        assert_int_equal(due(&world), MONDAY + 13 * USEC_PER_DAY + 3 * USEC_PER_HOUR);
}

/* A check on Sunday, then it is Friday again: this Sunday is done. */
static void set_back(bool with_restart) {
        World world;

        begin(&world, "Sun 03:00", 0);
        pass(&world, 6 * USEC_PER_DAY + 6 * USEC_PER_HOUR);
        assert_int_equal(world.n_runs, 1);
        set_clock(&world, -2 * (int64_t) USEC_PER_DAY);
        if (with_restart)
                restart(&world);
        (void) due(&world);
        pass(&world, 3 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 1);
        pass(&world, 7 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 2);
        pass(&world, 7 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 3);
}

static void test_set_back(_unused_ void **state) {
        set_back(false);
        set_back(true);
}

/* Years ahead by mistake, and right again: one check too early, none lost. */
static void set_ahead(bool with_restart, bool has_run) {
        World world;

        begin(&world, "Sun 03:00", USEC_PER_HOUR);
        pass(&world, USEC_PER_DAY);
        set_clock(&world, 800 * (int64_t) USEC_PER_DAY);
        assert_true(due(&world) <= world.clock.realtime_usec);
        if (has_run)
                pass(&world, USEC_PER_HOUR);
        else
                schedule_note_handled(&world.at, &world.memory, &world.clock, false);
        set_clock(&world, -800 * (int64_t) USEC_PER_DAY);
        if (with_restart)
                restart(&world);
        assert_int_equal(world.n_runs, has_run);
        assert_true(due(&world) <= MONDAY + 6 * USEC_PER_DAY + 4 * USEC_PER_HOUR);
        pass(&world, 6 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, has_run + 1);
}

static void test_set_ahead(_unused_ void **state) {
        set_ahead(false, true);
        set_ahead(true, true);
        set_ahead(false, false);
        set_ahead(true, false);
}

/* Days that are near each other, and a schedule that is made another one. */
static void test_uneven(_unused_ void **state) {
        World world;
        TimeFault fault;

        begin(&world, "Mon,Tue 03:00", 0);
        pass(&world, 28 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 8);

        begin(&world, "monthly", 0);
        pass(&world, 2 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 1);
        world.at = (CalendarMoments) {};
        assert_int_equal(calendar_add(&world.at, "daily", &fault), 0);
        /* The last midnight as well: nobody has seen to it. */
        pass(&world, 3 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 5);
}

static void test_summer_time(_unused_ void **state) {
        Zone *zone = NULL;
        World world;

        assert_int_equal(zone_new_named("Europe/Berlin", &zone), 0);
        begin(&world, "02:30", 0);
        world.clock.zone = zone;
        pass(&world, 365 * USEC_PER_DAY);
        assert_int_equal(world.n_runs, 365);
        zone_free(zone);
}

/* Always the same, below the spread, and a thousand machines lie evenly. */
static void test_spread(_unused_ void **state) {
        uint8_t machine[UUID_SIZE] = {}, uuid[UUID_SIZE] = { 1, 2, 3 };
        unsigned n_in[10] = {};

        assert_int_equal(schedule_offset_usec(0, machine, uuid, "a"), 0);
        for (unsigned i = 0; i < 1000; i++) {
                uint64_t offset;

                memcpy(machine, &i, sizeof(i));
                offset = schedule_offset_usec(10 * USEC_PER_HOUR, machine, uuid, "weekly");
                assert_true(offset < 10 * USEC_PER_HOUR);
                assert_int_equal(offset, schedule_offset_usec(10 * USEC_PER_HOUR, machine, uuid, "weekly"));
                n_in[offset / USEC_PER_HOUR]++;
        }
        for (size_t i = 0; i < ELEMENTSOF(n_in); i++)
                assert_in_range(n_in[i], 60, 140);

        assert_true(schedule_offset_usec(USEC_PER_DAY, machine, uuid, "a") !=
                    schedule_offset_usec(USEC_PER_DAY, machine, uuid, "b"));
        uuid[15]++;
        assert_true(schedule_offset_usec(USEC_PER_DAY, machine, uuid, "weekly") !=
                    schedule_offset_usec(USEC_PER_DAY, machine, (uint8_t [UUID_SIZE]) { 1, 2, 3 }, "weekly"));
}

static void test_foreign_rows(_unused_ void **state) {
        static const struct {
                const char *key, *value;
                int result;
        } cases[] = {
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 1 2 3 4 1", 0 },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "2 1", -EPROTONOSUPPORT },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 1 2 3 4", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 1 2 3 4 2", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 1 2 3 4 1 5", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 -1 2 3 4 0", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 18446744073709551615 2 3 4 0", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/w", "", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10/", "1 1 2 3 4 1", -EBADMSG },
                { "schedule/01020304-0506-0708-090a-0b0c0d0e0f10", "1 1 2 3 4 1", -EBADMSG },
                { "schedule/x/w", "1 1 2 3 4 1", -EBADMSG },
                { "other/01020304-0506-0708-090a-0b0c0d0e0f10/w", "1 1 2 3 4 1", -EBADMSG },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char id[RULE_ID_SIZE];
                uint8_t uuid[UUID_SIZE];
                ScheduleMemory memory;

                print_message("%s: %s\n", cases[i].key, cases[i].value);
                assert_int_equal(schedule_read(cases[i].key, cases[i].value, strlen(cases[i].value), uuid, id,
                                               &memory), cases[i].result);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_on_time),
                cmocka_unit_test(test_missed),
                cmocka_unit_test(test_others),
                cmocka_unit_test(test_own_ends_are_no_others),
                cmocka_unit_test(test_set_back),
                cmocka_unit_test(test_set_ahead),
                cmocka_unit_test(test_uneven),
                cmocka_unit_test(test_summer_time),
                cmocka_unit_test(test_spread),
                cmocka_unit_test(test_foreign_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
