/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of an intent in the worker: begun in a child, closed by the loop, kept until taken, found again
 * by the next worker; and what becomes of it when the disk does not play along.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/intents.h"
#include "src/worker/process.h"

#define GIVE_UP_USEC (120 * USEC_PER_SEC)
#define KERNEL "7.2.13-test"

typedef struct Fixture {
        char state_dir[64];
        sd_event *event;
        ChildTable *children;
        Intents *intents;
        bool is_loaded;
        unsigned n_left_ended;
        int write_result;
} Fixture;

static Fixture fixture;

int __wrap_child_spawn(ChildTable *table, const ChildTask *task, Child **ret_child);
int __real_child_spawn(ChildTable *table, const ChildTask *task, Child **ret_child);

/* What takes its time on a busy machine is no disk that hangs: where one does, the tests say so. */
int __wrap_child_spawn(ChildTable *table, const ChildTask *task, Child **ret_child) {
        ChildTask patient = *task;

        patient.timeout_usec = USEC_INFINITY;
        return __real_child_spawn(table, &patient, ret_child);
}

static void writer_begin(IntentWriter *writer, size_t slot, const Intent *intent) {
        intent_writer_begin(writer, slot, intent);
        writer->until_monotonic_usec += GIVE_UP_USEC;
}

static void on_loaded(void *userdata) {
        Fixture *self = userdata;

        self->is_loaded = true;
}

static void on_left_ended(const Intent *intent, void *userdata) {
        Fixture *self = userdata;

        assert_int_not_equal(intent->state, INTENT_OPEN);
        self->n_left_ended++;
}

static const IntentsCalls calls = { .on_loaded = on_loaded, .on_left_ended = on_left_ended };

static int on_give_up(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;
        (void) userdata;
        fail_msg("waited in vain");
        return 0;
}

/* Until no child is at work: what was to be written is written, or could not be. */
static void settle(void) {
        while (child_table_count(fixture.children) > 0)
                assert_true(sd_event_run(fixture.event, UINT64_MAX) >= 0);
        assert_true(intents_are_settled(fixture.intents));
}

/* As if a new worker had started. */
static void start_again(void) {
        fixture.intents = intents_free(fixture.intents);
        fixture.is_loaded = false;
        assert_int_equal(intents_new(fixture.event, fixture.children, fixture.state_dir, KERNEL, &calls, &fixture,
                                     &fixture.intents), 0);
        assert_int_equal(intents_load(fixture.intents), 0);
        settle();
        assert_true(fixture.is_loaded);
}

static int setup(void **state) {
        (void) state;

        fixture = (Fixture) {};
        log_set_max_level(LOG_CRIT);
        (void) snprintf(fixture.state_dir, sizeof(fixture.state_dir), "/tmp/test-intents.XXXXXX");
        if (!mkdtemp(fixture.state_dir) || sd_event_new(&fixture.event) < 0 ||
            sd_event_add_time_relative(fixture.event, NULL, CLOCK_MONOTONIC, GIVE_UP_USEC, 0, on_give_up, NULL) < 0)
                return -1;
        fixture.children = child_table_new(fixture.event);
        return fixture.children ? 0 : -1;
}

static int teardown(void **state) {
        char path[128];

        (void) state;

        intents_free(fixture.intents);
        child_table_free(fixture.children);
        sd_event_unref(fixture.event);
        (void) snprintf(path, sizeof(path), "%s/" INTENT_DIRECTORY "/" INTENT_FILE, fixture.state_dir);
        (void) unlink(path);
        (void) snprintf(path, sizeof(path), "%s/" INTENT_DIRECTORY, fixture.state_dir);
        (void) rmdir(path);
        (void) unlink(path);
        return rmdir(fixture.state_dir);
}

static const RepairTarget target = { .structure = STRUCTURE_AG_FINOBT, .group = 2 };

static WorkerFilesystem filesystem(uint8_t uuid_byte) {
        return (WorkerFilesystem) { .device_number = 0x801, .uuid_state = FACT_KNOWN, .uuid = { uuid_byte } };
}

static Intent intent_of(uint64_t job_id) {
        return (Intent) {
                .job_id = job_id,
                .device_number = 0x801,
                .uuid_state = FACT_KNOWN,
                .uuid = { 1 },
                .target = target,
        };
}

typedef struct Write {
        size_t slot;
        Intent intent;
} Write;

static int run_write(int report_fd, void *userdata) {
        Write *write = userdata;
        IntentWriter writer;
        int r;

        (void) report_fd;

        r = intents_may_write(fixture.intents, write->slot);
        if (r < 0)
                return -r;
        intent_writer_start(&writer, fixture.state_dir, -EBADF);
        writer_begin(&writer, write->slot, &write->intent);
        r = intent_writer_end(&writer);
        intent_writer_close(&writer);
        return r < 0 ? -r : 0;
}

static void on_write_end(Child *child, const ChildEnd *end, void *userdata) {
        (void) child;
        (void) userdata;

        fixture.write_result = end->ending == CHILD_EXITED ? end->status : EIO;
}

/* What a job's child does; returns the errno it met, or 0. */
static int write_in_child(Write *write) {
        const ChildTask task = {
                .name = "test",
                .run = run_write,
                .on_end = on_write_end,
                .userdata = write,
                .timeout_usec = GIVE_UP_USEC,
        };

        assert_int_equal(child_spawn(fixture.children, &task, NULL), 0);
        settle();
        return fixture.write_result;
}

static Write begin(uint64_t job_id) {
        Write write = { .intent = intent_of(job_id) };

        intents_begin(fixture.intents, &write.intent, &write.slot);
        return write;
}

static void end(const Write *write, IntentState state, Outcome outcome) {
        const WorkerJobResult result = { .job_id = write->intent.job_id, .outcome = outcome, .detail = "as it was" };

        intents_end(fixture.intents, write->slot, state, &result);
        settle();
}

static IntentSlots *read_file(void) {
        static IntentSlots slots;
        _cleanup_(close_fd_at) int fd = intent_file_open(fixture.state_dir, false);

        assert_true(fd >= 0);
        assert_int_equal(intent_file_read(fd, &slots), 0);
        return &slots;
}

/* The state in which a job's record is on disk. */
static IntentState state_on_disk(uint64_t job_id) {
        const IntentSlots *slots = read_file();

        for (size_t i = 0; i < INTENT_SLOTS; i++)
                if (slots->slots[i].state != INTENT_FREE && slots->slots[i].job_id == job_id)
                        return slots->slots[i].state;

        return INTENT_FREE;
}

/* Puts a record there behind everybody's back. */
static void put_on_disk(size_t slot, const Intent *intent) {
        _cleanup_(close_fd_at) int fd = intent_file_open(fixture.state_dir, true);

        assert_true(fd >= 0);
        assert_int_equal(intent_file_write(fd, slot, intent), 0);
}

static void count_one(const Intent *intent, void *userdata) {
        unsigned *counts = userdata;

        counts[intent->state]++;
}

static unsigned count_of(IntentState state) {
        unsigned counts[INTENT_BANNED + 1] = {};

        intents_each(fixture.intents, count_one, counts);
        return counts[state];
}

static void test_a_good_life(void **state) {
        Write write;

        (void) state;

        start_again();
        write = begin(5);
        assert_int_not_equal(write.slot, INTENT_SLOT_NONE);
        assert_int_equal(state_on_disk(5), INTENT_FREE);
        assert_int_equal(write_in_child(&write), 0);
        intents_note_write(fixture.intents, write.slot, 0);
        assert_int_equal(state_on_disk(5), INTENT_OPEN);

        end(&write, INTENT_DONE, OUTCOME_DONE);
        assert_int_equal(state_on_disk(5), INTENT_DONE);
        assert_string_equal(read_file()->slots[write.slot].detail, "as it was");

        start_again();
        assert_int_equal(count_of(INTENT_DONE), 1);
        intents_taken(fixture.intents, 4);
        assert_int_equal(count_of(INTENT_DONE), 1);
        intents_taken(fixture.intents, 5);
        settle();
        assert_int_equal(count_of(INTENT_DONE), 0);
        assert_int_equal(state_on_disk(5), INTENT_FREE);
}

/* What does not answer in time is killed; nobody waits for it longer, whatever holds it. */
static void test_writer_that_does_not_answer(void **state) {
        const Intent intent = intent_of(5);
        IntentWriter writer;

        (void) state;

        intent_writer_start(&writer, fixture.state_dir, -EBADF);
        assert_int_equal(writer.error, 0);
        assert_int_equal(kill(writer.pid, SIGSTOP), 0);
        intent_writer_begin(&writer, 0, &intent);
        assert_int_equal(intent_writer_end(&writer), -ETIMEDOUT);
        intent_writer_close(&writer);
        assert_int_equal(waitpid(writer.pid, NULL, 0), writer.pid);

        intent_writer_start(&writer, fixture.state_dir, -EBADF);
        assert_int_equal(kill(writer.pid, SIGKILL), 0);
        assert_int_equal(waitpid(writer.pid, NULL, 0), writer.pid);
        intent_writer_begin(&writer, 0, &intent);
        assert_true(intent_writer_end(&writer) < 0);
        intent_writer_close(&writer);

        intent_writer_start(&writer, "/proc/no such folder", -EBADF);
        writer_begin(&writer, 0, &intent);
        assert_int_equal(intent_writer_end(&writer), -ENOENT);
        intent_writer_close(&writer);
        assert_int_equal(waitpid(writer.pid, NULL, 0), writer.pid);
}

/* Its end would take the processor from the repair that waits for its answer. */
static void test_writer_ends_when_it_is_let_go(void **state) {
        const Intent intent = intent_of(5);
        IntentWriter writer;

        (void) state;

        intent_writer_start(&writer, fixture.state_dir, -EBADF);
        writer_begin(&writer, 0, &intent);
        assert_int_equal(intent_writer_end(&writer), 0);
        /* It would hang up. */
        assert_int_equal(poll(&(struct pollfd) { .fd = writer.socket_fd }, 1, 100), 0);
        intent_writer_close(&writer);
        assert_int_equal(waitpid(writer.pid, NULL, 0), writer.pid);

        /* A repair that hangs does not keep it. */
        intent_writer_start(&writer, fixture.state_dir, -EBADF);
        writer_begin(&writer, 0, &intent);
        assert_int_equal(intent_writer_end(&writer), 0);
        assert_int_equal(waitpid(writer.pid, NULL, 0), writer.pid);
        intent_writer_close(&writer);
}

static void test_never_begun(void **state) {
        Write write;

        (void) state;

        start_again();
        write = begin(5);
        intents_drop(fixture.intents, write.slot);
        settle();
        assert_int_equal(count_of(INTENT_OPEN), 0);
        assert_int_equal(state_on_disk(5), INTENT_FREE);
}

static void test_found_open(void **state) {
        Write write;

        (void) state;

        start_again();
        write = begin(5);
        assert_int_equal(write_in_child(&write), 0);
        /* Its process is gone, the kernel did not crash. */
        start_again();
        assert_int_equal(count_of(INTENT_INTERRUPTED), 1);
        assert_int_equal(state_on_disk(5), INTENT_INTERRUPTED);
        intents_taken(fixture.intents, 5);
        settle();
        assert_int_equal(state_on_disk(5), INTENT_FREE);
}

static void test_bans(void **state) {
        static const struct {
                const char *name;
                uint8_t uuid_byte;
                RepairTarget target;
                bool is_banned;
        } cases[] = {
                { "the same",            1, { .structure = STRUCTURE_AG_FINOBT, .group = 2 },                  true  },
                { "generation is moot",  1, { .structure = STRUCTURE_AG_FINOBT, .group = 2, .generation = 9 }, true  },
                { "another file system", 2, { .structure = STRUCTURE_AG_FINOBT, .group = 2 },                  false },
                { "another group",       1, { .structure = STRUCTURE_AG_FINOBT, .group = 3 },                  false },
                { "another structure",   1, { .structure = STRUCTURE_AG_INOBT, .group = 2 },                   false },
        };
        Intent left = intent_of(5), elsewhere = intent_of(6);
        const Intent *ban;

        (void) state;

        left.state = elsewhere.state = INTENT_OPEN;
        left.started_realtime_usec = 1;
        (void) text_copy(left.kernel_release, sizeof(left.kernel_release), KERNEL);
        elsewhere.started_realtime_usec = 2;
        elsewhere.target.group = 3;
        (void) text_copy(elsewhere.kernel_release, sizeof(elsewhere.kernel_release), "7.1.0-other");
        put_on_disk(7, &left);
        put_on_disk(8, &elsewhere);

        start_again();
        assert_int_equal(count_of(INTENT_BANNED), 2);
        assert_int_equal(state_on_disk(5), INTENT_BANNED);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkerFilesystem facts = filesystem(cases[i].uuid_byte);

                print_message("%s\n", cases[i].name);
                ban = intents_find_ban(fixture.intents, &facts, &cases[i].target);
                assert_int_equal(ban != NULL, cases[i].is_banned);
        }

        /* Taking notice of it does not lift it, an administrator does. */
        intents_taken(fixture.intents, 5);
        settle();
        ban = intents_find_ban(fixture.intents, &(WorkerFilesystem) { .device_number = 0x801 }, &target);
        assert_non_null(ban);
        assert_true(intents_can_ban_be_lifted(fixture.intents, ban));
        assert_true(intent_ban_stands(fixture.state_dir, ban));
        put_on_disk(7, &(Intent) {});
        assert_false(intent_ban_stands(fixture.state_dir, ban));
        intents_forget_ban(fixture.intents, ban);
        settle();
        assert_int_equal(count_of(INTENT_BANNED), 1);
}

static void test_left_over_child(void **state) {
        WorkerFilesystem facts = filesystem(1);
        Intent left = intent_of(5);
        pid_t pid;

        (void) state;

        assert_int_equal(boot_id_read(left.boot_id), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                while (pause() < 0)
                        continue;
        left.state = INTENT_OPEN;
        left.pid = pid;
        left.oops_count = 0;
        assert_int_equal(process_start_ticks(pid, &left.process_start_ticks), 0);
        put_on_disk(0, &left);

        start_again();
        assert_int_equal(count_of(INTENT_OPEN), 1);
        assert_non_null(intents_find_left_running(fixture.intents, &facts));
        facts = filesystem(2);
        assert_null(intents_find_left_running(fixture.intents, &facts));

        assert_int_equal(kill(pid, SIGKILL), 0);
        while (fixture.n_left_ended == 0)
                assert_true(sd_event_run(fixture.event, UINT64_MAX) >= 0);
        settle();
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        assert_int_equal(count_of(INTENT_OPEN), 0);
        assert_int_not_equal(state_on_disk(5), INTENT_OPEN);
}

static void test_disk_that_hung(void **state) {
        Write hung, next;

        (void) state;

        start_again();
        hung = begin(5);
        intents_note_write(fixture.intents, hung.slot, ETIMEDOUT);
        next = begin(6);
        assert_int_not_equal(next.slot, hung.slot);
        assert_int_equal(write_in_child(&next), EBUSY);

        /* It comes to the disk after all, and then the end must count more. */
        end(&hung, INTENT_DONE, OUTCOME_DONE);
        assert_int_equal(count_of(INTENT_DONE), 1);
        for (unsigned i = 0; i < 2 * INTENT_SLOTS; i++) {
                Write other = begin(100 + i);

                assert_int_not_equal(other.slot, hung.slot);
                intents_drop(fixture.intents, other.slot);
        }
}

static void test_no_disk_at_all(void **state) {
        WorkerFilesystem facts = filesystem(1);
        char path[128];
        Write write;

        (void) state;

        (void) snprintf(path, sizeof(path), "%s/" INTENT_DIRECTORY, fixture.state_dir);
        assert_int_equal(symlink("/", path), 0);
        start_again();
        write = begin(5);
        assert_int_equal(write_in_child(&write), EBUSY);
        intents_note_write(fixture.intents, write.slot, EBUSY);
        end(&write, INTENT_BANNED, OUTCOME_CRASHED);
        assert_non_null(intents_find_ban(fixture.intents, &facts, &target));
        assert_false(intents_can_ban_be_lifted(fixture.intents, intents_find_ban(fixture.intents, &facts, &target)));
}

static void test_no_room(void **state) {
        Write write;

        (void) state;

        start_again();
        for (unsigned i = 0; i < INTENT_SLOTS; i++) {
                write = begin(i);
                assert_int_not_equal(write.slot, INTENT_SLOT_NONE);
        }
        write = begin(1000);
        assert_int_equal(write.slot, INTENT_SLOT_NONE);
        assert_int_equal(write_in_child(&write), ENOSPC);

        /* One that ended makes room, taken or not. */
        write = (Write) { .slot = 17, .intent = intent_of(17) };
        end(&write, INTENT_FAILED, OUTCOME_FAILED);
        write = begin(1000);
        assert_int_equal(write.slot, 17);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_a_good_life, setup, teardown),
                cmocka_unit_test_setup_teardown(test_writer_that_does_not_answer, setup, teardown),
                cmocka_unit_test_setup_teardown(test_writer_ends_when_it_is_let_go, setup, teardown),
                cmocka_unit_test_setup_teardown(test_never_begun, setup, teardown),
                cmocka_unit_test_setup_teardown(test_found_open, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bans, setup, teardown),
                cmocka_unit_test_setup_teardown(test_left_over_child, setup, teardown),
                cmocka_unit_test_setup_teardown(test_disk_that_hung, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_disk_at_all, setup, teardown),
                cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
