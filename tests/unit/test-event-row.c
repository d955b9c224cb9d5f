/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events as lines: there and back, and what is no such line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "src/model/event-row.h"

static void test_there_and_back(_unused_ void **state) {
        static const HealthEvent events[] = {
                { .kind = EVENT_SICK, .source = EVENT_SOURCE_HEALTHMON, .domain = DOMAIN_AG,
                  .structure = STRUCTURE_AG_RMAPBT, .group = 7, .count = 3, .id = 5998, .time_realtime_nsec = 1 },
                { .kind = EVENT_CORRUPT, .domain = DOMAIN_RTGROUP, .structure = STRUCTURE_RTGROUP_RMAPBT, .count = 1,
                  .group = UINT32_MAX },
                { .kind = EVENT_SICK, .domain = DOMAIN_INODE, .structure = STRUCTURE_UNRECOGNISED, .count = 1,
                  .unknown_bits = 0x80000000, .inode = UINT64_MAX, .generation = 9 },
                { .kind = EVENT_WRITE_ERROR, .domain = DOMAIN_FILERANGE, .count = UINT64_MAX, .inode = 131, .error = 5,
                  .position_bytes = 4096, .length_bytes = 512, .io_path = IO_PATH_DIRECT },
                { .kind = EVENT_FILESYSTEM_ERROR, .source = EVENT_SOURCE_FANOTIFY, .domain = DOMAIN_MOUNT, .count = 1,
                  .location = "ext4_find_entry:1594" },
                { .kind = EVENT_SHUTDOWN, .domain = DOMAIN_MOUNT, .count = 1, .shutdown_reasons = 6, .cause_id = 4 },
                { .kind = EVENT_MEDIA_ERROR, .domain = DOMAIN_DATADEV, .count = 1, .device_block = 8,
                  .device_block_count = 16 },
        };

        for (size_t i = 0; i < ELEMENTSOF(events); i++) {
                char row[EVENT_ROW_SIZE];
                HealthEvent back;

                print_message("%s\n", event_row_format(events + i, row));
                assert_int_equal(event_row_parse(row, &back), 0);
                assert_memory_equal(&back, events + i, sizeof(back));
        }
}

/* Each field at its longest fits. */
static void test_longest(_unused_ void **state) {
        HealthEvent event, back;
        char row[EVENT_ROW_SIZE];

        memset(&event, 0xff, sizeof(event));
        event.kind = EVENT_FILESYSTEM_ERROR;
        event.source = EVENT_SOURCE_HEALTHMON;
        event.domain = DOMAIN_RTGROUP;
        event.structure = STRUCTURE_RTGROUP_REFCOUNTBT;
        event.io_path = IO_PATH_MEDIA;
        memset(event.location, 'x', sizeof(event.location) - 1);
        event.location[sizeof(event.location) - 1] = '\0';
        assert_int_equal(event_row_parse(event_row_format(&event, row), &back), 0);
        assert_string_equal(back.location, event.location);
        assert_true(strlen(row) < EVENT_ROW_SIZE - 1);
}

static void test_no_such_line(_unused_ void **state) {
        static const char *const rows[] = {
                "", "kind", "kind=", "kind=sik", "domain=ag", "kind=sick domain=ag structure=core",
                "kind=sick group=-1", "kind=sick group=4294967296", "kind=sick inode=x", "kind=sick path=77",
                "kind=sick domain=ag structure=finobt domain=inode",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                HealthEvent event;

                print_message("%s\n", rows[i]);
                assert_int_equal(event_row_parse(rows[i], &event), -EINVAL);
        }
}

/* Of a later version, what is known tells the story. */
static void test_unknown_word(_unused_ void **state) {
        HealthEvent event;

        assert_int_equal(event_row_parse("kind=sick  colour=blue domain=ag structure=finobt", &event), 0);
        assert_int_equal(event.structure, STRUCTURE_AG_FINOBT);
        assert_int_equal(event.count, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_longest),
                cmocka_unit_test(test_no_such_line),
                cmocka_unit_test(test_unknown_word),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
