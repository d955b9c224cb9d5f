/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of begun repairs: what a crash, a strange hand or a full disk leaves of it, and what an open
 * record means to the next worker.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/intent-file.h"
#include "src/worker/intents.h"

typedef struct Fixture {
        char state_dir[64];
        char own_dir[80];
        char file[96];
} Fixture;

static int setup(void **state) {
        static Fixture fixture;

        (void) snprintf(fixture.state_dir, sizeof(fixture.state_dir), "/tmp/test-intent.XXXXXX");
        if (!mkdtemp(fixture.state_dir))
                return -1;
        (void) snprintf(fixture.own_dir, sizeof(fixture.own_dir), "%s/" INTENT_DIRECTORY, fixture.state_dir);
        (void) snprintf(fixture.file, sizeof(fixture.file), "%s/" INTENT_FILE, fixture.own_dir);
        *state = &fixture;
        return 0;
}

static int teardown(void **state) {
        Fixture *fixture = *state;

        (void) unlink(fixture->file);
        (void) rmdir(fixture->own_dir);
        (void) unlink(fixture->own_dir);
        return rmdir(fixture->state_dir);
}

static Intent example(uint64_t job_id) {
        Intent intent = {
                .state = INTENT_OPEN,
                .job_id = job_id,
                .event_id = 77,
                .device_number = 0x801,
                .uuid_state = FACT_KNOWN,
                .uuid = { 1, 2, 3 },
                .boot_id = { 9, 8, 7 },
                .target = {
                        .structure = STRUCTURE_INODE_DIRECTORY,
                        .inode = 131,
                        .generation = 0xffffffff,
                        .group = 3,
                },
                .started_realtime_usec = 1000 + job_id,
                .oops_count = 2,
                .process_start_ticks = 12345,
                .pid = 4711,
                .kernel_release = "7.2.13+deb14-amd64",
        };

        return intent;
}

static void assert_same(const Intent *a, const Intent *b) {
        uint8_t left[INTENT_RECORD_SIZE], right[INTENT_RECORD_SIZE];

        intent_encode(a, left);
        intent_encode(b, right);
        assert_memory_equal(left, right, sizeof(left));
}

static void test_record_survives(void **state) {
        (void) state;

        for (unsigned i = INTENT_OPEN; i <= INTENT_BANNED; i++) {
                uint8_t bytes[INTENT_RECORD_SIZE];
                Intent intent = example(5), read = {};

                print_message("%s\n", intent_state_to_name(i));
                intent.state = i;
                intent.outcome = OUTCOME_STILL_CORRUPT;
                intent.error = EUCLEAN;
                intent.flags = 2;
                intent.duration_usec = 17;
                (void) text_copy(intent.detail, sizeof(intent.detail), "said so");
                intent_encode(&intent, bytes);
                assert_int_equal(intent_decode(bytes, &read), 0);
                assert_same(&intent, &read);
                assert_int_equal(read.state, i);
                assert_int_equal(read.target.structure, STRUCTURE_INODE_DIRECTORY);
                assert_int_equal(read.target.generation, 0xffffffff);
                assert_string_equal(read.detail, "said so");
        }
}

static void test_bad_records(void **state) {
        static const struct {
                const char *name;
                size_t offset, n_bytes;
                uint8_t value;
                int result;
        } cases[] = {
                { "as written",             0,   0,                      0x00, 0        },
                { "free",                   0,   INTENT_RECORD_SIZE,     0x00, -ENODATA },
                { "all ones",               0,   INTENT_RECORD_SIZE,     0xff, -EBADMSG },
                { "no magic",               0,   1,                      0x00, -EBADMSG },
                { "one changed byte",       9,   1,                      0xaa, -EBADMSG },
                { "torn in the middle",     256, 256,                    0x00, -EBADMSG },
                { "first half missing",     0,   256,                    0x00, -EBADMSG },
                { "checksum missing",       508, 4,                      0x00, -EBADMSG },
                { "other reserved bytes",   500, 1,                      0x01, -EBADMSG },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t bytes[INTENT_RECORD_SIZE];
                Intent intent = example(5), read;

                print_message("%s\n", cases[i].name);
                intent_encode(&intent, bytes);
                memset(bytes + cases[i].offset, cases[i].value, cases[i].n_bytes);
                assert_int_equal(intent_decode(bytes, &read), cases[i].result);
        }
}

/* CRC-32C by its definition, bit by bit, from the right. */
static uint32_t crc_by_definition(const uint8_t *bytes, size_t length) {
        uint32_t crc = UINT32_MAX;

        for (size_t i = 0; i < length * 8; i++) {
                crc ^= bytes[i / 8] >> i % 8 & 1;
                crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
        }

        return ~crc;
}

/* A file outlives the version that wrote it. */
static void test_checksum(void **state) {
        (void) state;

        assert_int_equal(crc_by_definition((const uint8_t *) "123456789", 9), 0xe3069283);
        for (uint64_t job_id = 1; job_id < 1000; job_id++) {
                uint8_t bytes[INTENT_RECORD_SIZE];
                Intent intent = example(job_id);
                uint32_t written;

                intent_encode(&intent, bytes);
                memcpy(&written, bytes + sizeof(bytes) - sizeof(written), sizeof(written));
                assert_int_equal(written, crc_by_definition(bytes, sizeof(bytes) - sizeof(written)));
        }
}

static void test_file_round_trip(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int fd = -EBADF;
        static IntentSlots slots;
        Intent intent = example(5), last = example(6);
        static const Intent nothing;
        struct stat status;

        assert_int_equal(intent_file_open(fixture->state_dir, false), -ENOENT);
        fd = intent_file_open(fixture->state_dir, true);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &status), 0);
        assert_int_equal(status.st_size, INTENT_FILE_BYTES);
        assert_int_equal(status.st_mode & 07777, 0600);

        assert_int_equal(intent_file_write(fd, 0, &intent), 0);
        assert_int_equal(intent_file_write(fd, INTENT_SLOTS - 1, &last), 0);
        assert_int_equal(intent_file_write(fd, INTENT_SLOTS, &last), -EINVAL);

        fd = close_fd(fd);
        fd = intent_file_open(fixture->state_dir, true);
        assert_true(fd >= 0);
        assert_int_equal(intent_file_read(fd, &slots), 0);
        assert_same(&slots.slots[0], &intent);
        assert_same(&slots.slots[INTENT_SLOTS - 1], &last);
        assert_int_equal(slots.n_torn, 0);

        assert_int_equal(intent_file_write(fd, 0, &nothing), 0);
        assert_int_equal(intent_file_read(fd, &slots), 0);
        assert_int_equal(slots.slots[0].state, INTENT_FREE);
}

static void test_newer_record_counts(void **state) {
        static const struct {
                const char *name;
                uint32_t first_revision, second_revision;
        } cases[] = {
                { "newer behind", 0, 1 },
                { "newer before", 3, 2 },
        };
        Fixture *fixture = *state;
        static IntentSlots slots;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(close_fd_at) int fd = intent_file_open(fixture->state_dir, true);
                Intent first = example(5), second = example(5), other = example(8);
                bool is_first_newer;

                print_message("%s\n", cases[i].name);
                first.revision = cases[i].first_revision;
                second.revision = cases[i].second_revision;
                assert_int_equal(intent_file_write(fd, 3, &first), 0);
                assert_int_equal(intent_file_write(fd, 4, &other), 0);
                assert_int_equal(intent_file_write(fd, 7, &second), 0);

                assert_int_equal(intent_file_read(fd, &slots), 0);
                is_first_newer = cases[i].first_revision > cases[i].second_revision;
                assert_int_equal(slots.slots[3].state, is_first_newer ? INTENT_OPEN : INTENT_FREE);
                assert_int_equal(slots.slots[7].state, is_first_newer ? INTENT_FREE : INTENT_OPEN);
                assert_int_equal(slots.slots[4].state, INTENT_OPEN);
        }
}

static void test_torn_file(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int fd = intent_file_open(fixture->state_dir, true);
        static IntentSlots slots;
        Intent intent = example(5);

        assert_true(fd >= 0);
        assert_int_equal(intent_file_write(fd, 1, &intent), 0);
        assert_int_equal(intent_file_write(fd, 2, &intent), 0);
        assert_int_equal(pwrite(fd, "junk", 4, 2 * INTENT_RECORD_SIZE + 100), 4);
        assert_int_equal(pwrite(fd, "junk", 4, 5 * INTENT_RECORD_SIZE + 100), 4);
        assert_int_equal(intent_file_read(fd, &slots), 0);
        assert_int_equal(slots.n_torn, 2);
        assert_int_equal(slots.slots[1].state, INTENT_OPEN);
        assert_int_equal(slots.slots[2].state, INTENT_FREE);

        /* Cut off in the middle of a record; the next open fills it up again. */
        assert_int_equal(ftruncate(fd, INTENT_RECORD_SIZE + 7), 0);
        assert_int_equal(intent_file_read(fd, &slots), 0);
        assert_int_equal(slots.slots[1].state, INTENT_FREE);
        fd = close_fd(fd);
        fd = intent_file_open(fixture->state_dir, true);
        assert_true(fd >= 0);
        assert_int_equal(lseek(fd, 0, SEEK_END), INTENT_FILE_BYTES);
}

static void test_no_room(void **state) {
        Fixture *fixture = *state;
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct rlimit before, small = { .rlim_cur = 1000, .rlim_max = RLIM_INFINITY };
        Intent intent = example(5);
        static IntentSlots slots;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        small.rlim_max = before.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

        /* No room to make it. */
        assert_int_equal(intent_file_open(fixture->state_dir, true), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        fd = intent_file_open(fixture->state_dir, true);
        assert_true(fd >= 0);

        /* Room for a part of a record only. */
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        assert_int_equal(intent_file_write(fd, 0, &intent), 0);
        assert_int_equal(intent_file_write(fd, 1, &intent), -ENOSPC);
        assert_int_equal(intent_file_write(fd, 5, &intent), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

        assert_int_equal(intent_file_read(fd, &slots), 0);
        assert_int_equal(slots.slots[0].state, INTENT_OPEN);
        assert_int_equal(slots.slots[1].state, INTENT_FREE);
        assert_int_equal(slots.n_torn, 1);
}

/* The state folder belongs to a user whom root must not follow anywhere. */
static void test_strange_hands(void **state) {
        Fixture *fixture = *state;
        char elsewhere[128];
        int fd;

        print_message("our folder is a link\n");
        assert_int_equal(symlink("/tmp", fixture->own_dir), 0);
        assert_true(intent_file_open(fixture->state_dir, true) < 0);
        assert_int_equal(unlink(fixture->own_dir), 0);

        print_message("our folder is open to others\n");
        assert_int_equal(mkdir(fixture->own_dir, 0700), 0);
        assert_int_equal(chmod(fixture->own_dir, 0777), 0);
        assert_int_equal(intent_file_open(fixture->state_dir, true), -EPERM);
        assert_int_equal(chmod(fixture->own_dir, 0700), 0);

        print_message("the file is a link\n");
        assert_int_equal(symlink("/etc/passwd", fixture->file), 0);
        assert_int_equal(intent_file_open(fixture->state_dir, true), -ELOOP);
        assert_int_equal(unlink(fixture->file), 0);

        print_message("the file is a pipe\n");
        assert_int_equal(mkfifo(fixture->file, 0600), 0);
        assert_int_equal(intent_file_open(fixture->state_dir, true), -EPERM);
        assert_int_equal(unlink(fixture->file), 0);

        print_message("the file has a second name\n");
        fd = intent_file_open(fixture->state_dir, true);
        assert_true(fd >= 0);
        close_fd(fd);
        (void) snprintf(elsewhere, sizeof(elsewhere), "%s.other", fixture->file);
        assert_int_equal(link(fixture->file, elsewhere), 0);
        assert_int_equal(intent_file_open(fixture->state_dir, true), -EPERM);
        assert_int_equal(unlink(elsewhere), 0);
}

static void test_judging_what_was_left(void **state) {
        static const struct {
                const char *name;
                uint8_t boot;
                uint64_t oops_then, oops_now;
                bool is_alive;
                IntentState result;
        } cases[] = {
                { "its child lives",                9, 2,          2,          true,  INTENT_OPEN        },
                { "its child lives, an oops",       9, 2,          3,          true,  INTENT_OPEN        },
                { "dead, no oops",                  9, 2,          2,          false, INTENT_INTERRUPTED },
                { "dead, an oops",                  9, 2,          3,          false, INTENT_BANNED      },
                { "dead, oopses not counted",       9, UINT64_MAX, UINT64_MAX, false, INTENT_BANNED      },
                { "another boot",                   1, 2,          0,          false, INTENT_BANNED      },
                { "another boot, the number lives", 1, 2,          2,          true,  INTENT_BANNED      },
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const uint8_t boot_id[BOOT_ID_SIZE] = { cases[i].boot, 8, 7 };
                Intent intent = example(5);

                print_message("%s\n", cases[i].name);
                intent.oops_count = cases[i].oops_then;
                assert_int_equal(intent_judge(&intent, boot_id, cases[i].oops_now, cases[i].is_alive), cases[i].result);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_record_survives),
                cmocka_unit_test(test_bad_records),
                cmocka_unit_test(test_checksum),
                cmocka_unit_test_setup_teardown(test_file_round_trip, setup, teardown),
                cmocka_unit_test_setup_teardown(test_newer_record_counts, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn_file, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
                cmocka_unit_test_setup_teardown(test_strange_hands, setup, teardown),
                cmocka_unit_test(test_judging_what_was_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
