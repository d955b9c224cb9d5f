/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading with a cap, and writing whole or not at all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/*
 * The linker puts this before the C library's write() (--wrap): a call in three is interrupted, the others write
 * one byte less than they were asked to. Neither can be had from a real file at will.
 */
ssize_t __real_write(int fd, const void *data, size_t length);
ssize_t __wrap_write(int fd, const void *data, size_t length);

static bool write_is_difficult;

ssize_t __wrap_write(int fd, const void *data, size_t length) {
        static unsigned n_calls;

        if (!write_is_difficult)
                return __real_write(fd, data, length);
        if (n_calls++ % 3 == 0) {
                errno = EINTR;
                return -1;
        }

        return __real_write(fd, data, length > 1 ? length - 1 : length);
}

static char folder[] = "/tmp/test-file.XXXXXX";

static int enter_folder(_unused_ void **state) {
        return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(_unused_ void **state) {
        return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void make_file(const char *path, const void *data, size_t length) {
        _cleanup_(close_fd_at) int fd = open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(file_write_all(fd, data, length), 0);
}

static void assert_n_entries(size_t expected) {
        _cleanup_(closedir_at) DIR *directory = opendir(".");
        size_t n = 0;

        assert_non_null(directory);
        for (struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
                n += !text_equal(entry->d_name, ".") && !text_equal(entry->d_name, "..");
        assert_int_equal(n, expected);
}

static void test_read(_unused_ void **state) {
        static const struct {
                const char *name;
                size_t size, limit;
                int result;
        } cases[] = {
                { "empty",                     0,     0,        0      },
                { "one byte, none allowed",    1,     0,        -EFBIG },
                { "exactly the limit",         10,    10,       0      },
                { "one more than the limit",   11,    10,       -EFBIG },
                { "limit at the first buffer", 4096,  4096,     0      },
                { "one less than the buffer",  4095,  4096,     0      },
                { "beyond the first buffer",   4097,  4096,     -EFBIG },
                { "several buffers",           50000, 60000,    0      },
                { "no limit",                  50000, SIZE_MAX, 0      },
        };
        static char data[50000];

        for (size_t i = 0; i < sizeof(data); i++)
                data[i] = (char) ('a' + i % 23);

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *text = NULL;
                size_t length = 7777;

                print_message("%s\n", cases[i].name);
                make_file("data", data, cases[i].size);
                assert_int_equal(file_read(AT_FDCWD, "data", cases[i].limit, &text, &length), cases[i].result);
                if (cases[i].result < 0) {
                        assert_null(text);
                        assert_int_equal(length, 7777);
                        continue;
                }
                assert_int_equal(length, cases[i].size);
                assert_memory_equal(text, data, length);
                assert_int_equal(text[length], '\0');
        }

        assert_int_equal(unlink("data"), 0);
}

static void test_read_refused(_unused_ void **state) {
        _cleanup_(close_fd_at) int folder_fd = -EBADF;
        _cleanup_(free_at) char *text = NULL;
        size_t length;

        assert_int_equal(file_read(AT_FDCWD, "absent", 10, &text, &length), -ENOENT);
        assert_int_equal(file_read(AT_FDCWD, ".", 10, &text, &length), -EISDIR);
        assert_int_equal(file_read_fd(-EBADF, 10, &text, &length), -EBADF);
        assert_null(text);

        /* Nobody writes to it; this test would hang here. */
        assert_int_equal(mkfifo("fifo", 0600), 0);
        (void) file_read(AT_FDCWD, "fifo", 10, &text, &length);
        assert_int_equal(unlink("fifo"), 0);

        assert_int_equal(mkdir("below", 0700), 0);
        make_file("below/data", "x\0y", 3);
        folder_fd = open("below", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        free_at(&text);
        assert_int_equal(file_read(folder_fd, "data", 3, &text, &length), 0);
        assert_int_equal(length, 3);
        assert_memory_equal(text, "x\0y", 4);
        assert_int_equal(unlink("below/data"), 0);
        assert_int_equal(rmdir("below"), 0);
}

static void test_read_pieces(_unused_ void **state) {
        _cleanup_(free_at) char *text = NULL;
        size_t length = 0;
        int ends[2];

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(file_write_all(ends[1], "abc", 3), 0);
        assert_int_equal(file_write_all(ends[1], "def", 3), 0);
        (void) close_fd(ends[1]);
        assert_int_equal(file_read_fd(ends[0], 6, &text, &length), 0);
        (void) close_fd(ends[0]);
        assert_string_equal(text, "abcdef");
        assert_int_equal(length, 6);
}

static void test_read_line(_unused_ void **state) {
        static const struct {
                const char *name, *data;
                size_t length;
                int result;
                const char *line;
        } cases[] = {
                { "with newline",         "8:1\n",   4, 0,        "8:1"   },
                { "without newline",      "8:1",     3, 0,        "8:1"   },
                { "only one is removed",  "8:1\n\n", 5, 0,        "8:1\n" },
                { "newline alone",        "\n",      1, 0,        ""      },
                { "empty",                "",        0, 0,        ""      },
                { "NUL inside",           "8\0001\n", 4, -EBADMSG, NULL   },
                { "too long",             "1234567", 7, -EFBIG,   NULL    },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *line = NULL;

                print_message("%s\n", cases[i].name);
                make_file("line", cases[i].data, cases[i].length);
                assert_int_equal(file_read_line("line", 6, &line), cases[i].result);
                if (cases[i].line)
                        assert_string_equal(line, cases[i].line);
                else
                        assert_null(line);
        }

        assert_int_equal(unlink("line"), 0);
}

static void test_write_atomic(_unused_ void **state) {
        _cleanup_(free_at) char *text = NULL, *path = NULL;
        struct stat status;
        size_t length = 0;

        assert_int_equal(file_write_atomic("data", "old content", 11, 0640), 0);
        assert_int_equal(file_write_atomic("data", "new", 3, 0604), 0);
        assert_int_equal(file_read(AT_FDCWD, "data", 100, &text, &length), 0);
        assert_string_equal(text, "new");
        assert_int_equal(stat("data", &status), 0);
        assert_int_equal(status.st_mode & 07777, 0604);
        assert_n_entries(1);

        assert_true(asprintf(&path, "%s/data", folder) > 0);
        assert_int_equal(file_write_atomic(path, "", 0, 0600), 0);
        assert_int_equal(stat("data", &status), 0);
        assert_int_equal(status.st_size, 0);
        assert_n_entries(1);
        assert_int_equal(unlink("data"), 0);

        assert_int_equal(file_write_atomic("absent/data", "x", 1, 0600), -ENOENT);

        /* What cannot be replaced stays, and nothing lies beside it. */
        assert_int_equal(mkdir("data", 0700), 0);
        assert_int_equal(file_write_atomic("data", "x", 1, 0600), -EISDIR);
        assert_n_entries(1);
        assert_int_equal(rmdir("data"), 0);
}

static void test_write_short(_unused_ void **state) {
        _cleanup_(free_at) char *text = NULL;

        write_is_difficult = true;
        make_file("data", "0123456789", 10);
        write_is_difficult = false;
        assert_int_equal(file_read_line("data", 100, &text), 0);
        assert_string_equal(text, "0123456789");
        assert_int_equal(unlink("data"), 0);
}

static void test_write_all(_unused_ void **state) {
        static char data[1 << 20];
        int ends[2], size;

        assert_int_equal(file_write_all(-EBADF, "x", 1), -EBADF);
        assert_int_equal(file_write_all(-EBADF, "", 0), 0);

        /* A pipe takes what it can hold; what is left is neither success nor waited for. */
        assert_int_equal(pipe2(ends, O_CLOEXEC|O_NONBLOCK), 0);
        size = fcntl(ends[0], F_GETPIPE_SZ);
        assert_true(size >= 1 && (size_t) size < sizeof(data));
        assert_int_equal(file_write_all(ends[1], data, sizeof(data)), -EAGAIN);
        assert_int_equal(read(ends[0], data, sizeof(data)), size);
        (void) close_fd(ends[0]);
        (void) close_fd(ends[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read),
                cmocka_unit_test(test_read_refused),
                cmocka_unit_test(test_read_pieces),
                cmocka_unit_test(test_read_line),
                cmocka_unit_test(test_write_atomic),
                cmocka_unit_test(test_write_short),
                cmocka_unit_test(test_write_all),
        };

        return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
