/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Marks of units that are held or frozen, and the drop-ins that go with them, in a folder of the test's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"
#include "src/worker/hold-place.h"
#include "src/worker/runtime-folder.h"
#include "src/worker/unit-mark.h"

typedef struct Setup {
        char root[64], units[96];
        int marks_fd;
} Setup;

static int setup(void **state) {
        static Setup s;

        strcpy(s.root, "/tmp/healer-marks-XXXXXX");
        assert_non_null(mkdtemp(s.root));
        (void) snprintf(s.units, sizeof(s.units), "%s/units", s.root);
        s.marks_fd = runtime_folder_open(s.root, UNIT_MARKS_HELD);
        assert_true(s.marks_fd >= 0);
        *state = &s;
        return 0;
}

static int teardown(void **state) {
        Setup *s = *state;
        char command[256];

        s->marks_fd = close_fd(s->marks_fd);
        (void) snprintf(command, sizeof(command), "rm -rf %s", s->root);
        return system(command);
}

static WorkerHold mark_of(const char *unit, uint64_t job_id) {
        WorkerHold mark = { .job_id = job_id, .until_boottime_usec = 17 };

        assert_int_equal(text_copy(mark.unit, sizeof(mark.unit), unit), 0);
        return mark;
}

static void sum_jobs(const WorkerHold *mark, void *userdata) {
        *(uint64_t *) userdata += mark->job_id;
}

static void test_marks(void **state) {
        const Setup *s = *state;
        WorkerHold mark = mark_of("a@b\\x2dc.service", 5), found;
        uint64_t sum = 0;

        assert_int_equal(unit_mark_write(s->marks_fd, &mark), 0);
        assert_int_equal(unit_mark_read(s->marks_fd, mark.unit, &found), 0);
        assert_memory_equal(&found, &mark, sizeof(mark));
        mark.job_id = 6;
        assert_int_equal(unit_mark_write(s->marks_fd, &mark), 0);
        mark = mark_of("other.service", 100);
        assert_int_equal(unit_mark_write(s->marks_fd, &mark), 0);
        assert_int_equal(unit_marks_each(s->marks_fd, sum_jobs, &sum), 2);
        assert_int_equal(sum, 106);
        assert_int_equal(unit_mark_remove(s->marks_fd, "other.service"), 0);
        assert_int_equal(unit_mark_remove(s->marks_fd, "other.service"), -ENOENT);
        assert_int_equal(unit_mark_read(s->marks_fd, "other.service", &found), -ENOENT);
}

static void test_bad_marks(void **state) {
        static const char *const names[] = { "", ".hidden", "../up.service", "a/b.service" };
        const Setup *s = *state;
        _cleanup_(close_fd_at) int fd = -EBADF;
        WorkerHold mark, found;
        uint64_t sum = 0;

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                mark = mark_of(names[i], 1);
                assert_int_equal(unit_mark_write(s->marks_fd, &mark), -EINVAL);
                assert_int_equal(unit_mark_read(s->marks_fd, names[i], &found), -EINVAL);
                assert_int_equal(unit_mark_remove(s->marks_fd, names[i]), -EINVAL);
        }

        /* What is none is removed, also one that has the name of another unit. */
        fd = openat(s->marks_fd, "short.service", O_WRONLY|O_CREAT|O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, "x", 1), 0);
        mark = mark_of("one.service", 1);
        assert_int_equal(unit_mark_write(s->marks_fd, &mark), 0);
        assert_int_equal(renameat(s->marks_fd, "one.service", s->marks_fd, "two.service"), 0);
        assert_int_equal(unit_mark_read(s->marks_fd, "two.service", &found), -EBADMSG);
        assert_int_equal(unit_marks_each(s->marks_fd, sum_jobs, &sum), 0);
        assert_int_equal(unit_mark_read(s->marks_fd, "two.service", &found), -ENOENT);
}

static void test_too_many_marks(void **state) {
        const Setup *s = *state;
        WorkerHold mark;

        for (unsigned i = 0; i < UNIT_MARKS_MAX; i++) {
                char name[32];

                (void) snprintf(name, sizeof(name), "%u.service", i);
                mark = mark_of(name, i);
                assert_int_equal(unit_mark_write(s->marks_fd, &mark), 0);
        }
        mark = mark_of("more.service", 1);
        assert_int_equal(unit_mark_write(s->marks_fd, &mark), -ENOSPC);
}

static bool has_drop_in(const Setup *s, const char *unit) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/%s.d/" HOLD_DROP_IN, s->units, unit);
        return access(path, F_OK) >= 0;
}

static bool has_folder(const Setup *s, const char *unit) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/%s.d", s->units, unit);
        return access(path, F_OK) >= 0;
}

static void test_drop_ins(void **state) {
        const Setup *s = *state;
        _cleanup_(free_at) char *text = NULL;
        WorkerHold mark = mark_of("held@x.service", 1);
        char path[512];
        size_t length;

        assert_int_equal(hold_sweep_folder(s->units, s->root), 0);
        assert_int_equal(hold_write_drop_in(s->units, s->root, "held@x.service"), 0);
        assert_int_equal(hold_write_drop_in(s->units, s->root, "left.service"), 0);
        assert_int_equal(hold_write_drop_in(s->units, s->root, "shared.service"), 0);
        assert_int_equal(hold_write_drop_in(s->units, "/run/another", "foreign.service"), 0);
        assert_int_equal(hold_write_drop_in(s->units, "/run/100%", "x.service"), -EINVAL);
        assert_int_equal(unit_mark_write(s->marks_fd, &mark), 0);
        (void) snprintf(path, sizeof(path), "%s/shared.service.d/10-theirs.conf", s->units);
        assert_int_equal(file_write_atomic(path, "[Unit]\n", 7, 0644), 0);

        (void) snprintf(path, sizeof(path), "%s/held@x.service.d/" HOLD_DROP_IN, s->units);
        assert_int_equal(file_read(AT_FDCWD, path, 4096, &text, &length), 0);
        (void) snprintf(path, sizeof(path), "\nAssertPathExists=!%s/holds/%%n\n", s->root);
        assert_non_null(strstr(text, path));

        /* Those without a mark go, and folders that are empty then; what is another's stays. */
        assert_int_equal(hold_sweep_folder(s->units, s->root), 2);
        assert_true(has_drop_in(s, "held@x.service"));
        assert_false(has_folder(s, "left.service"));
        assert_false(has_drop_in(s, "shared.service"));
        assert_true(has_folder(s, "shared.service"));
        assert_true(has_drop_in(s, "foreign.service"));
        assert_int_equal(hold_sweep_folder(s->units, s->root), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_bad_marks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_many_marks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_drop_ins, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
