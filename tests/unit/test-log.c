/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines as journald receives them, and what happens when nobody receives: a socket of our own plays journald.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "src/basic/cleanup.h"
#include "src/basic/log.h"
#include "src/basic/text.h"

/* More than any socket or pipe holds: whoever gets here without a refusal would go on for ever. */
#define MANY_LINES 1000000
/* A line that waits would stop the test here; nothing is timed otherwise. */
#define DEADLINE_SEC 300

static char folder[] = "/tmp/test-log.XXXXXX";
static char *journal_path;
static int journal_fd = -EBADF;         /* what journald would read from */

static int journal_start(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void) unlink(journal_path);
        journal_fd = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
        if (journal_fd < 0 || text_copy(address.sun_path, sizeof(address.sun_path), journal_path) < 0)
                return -1;
        return bind(journal_fd, (const struct sockaddr *) &address, sizeof(address));
}

static void journal_stop(void) {
        journal_fd = close_fd(journal_fd);
        (void) unlink(journal_path);
}

static int set_up(_unused_ void **state) {
        (void) alarm(DEADLINE_SEC);
        if (!mkdtemp(folder) || asprintf(&journal_path, "%s/socket", folder) < 0)
                return -1;

        log_set_journal_socket(journal_path);
        log_open("healerd", LOG_TARGET_JOURNAL);
        return journal_start();
}

static int tear_down(_unused_ void **state) {
        journal_stop();
        free(journal_path);
        return rmdir(folder);
}

typedef struct Datagram {
        char data[32768];
        size_t length;
} Datagram;

static bool journal_receive(Datagram *datagram) {
        ssize_t n = recv(journal_fd, datagram->data, sizeof(datagram->data) - 1, MSG_DONTWAIT);

        if (n < 0)
                return false;
        datagram->length = (size_t) n;
        datagram->data[n] = '\0';
        return true;
}

/* Finds a field as journald would; returns its value, which is not terminated. */
static const char *field_find(const Datagram *datagram, const char *name, size_t *ret_length) {
        const char *position = datagram->data, *end = datagram->data + datagram->length;

        while (position < end) {
                const char *line_end = memchr(position, '\n', (size_t) (end - position));
                const char *equals, *value;
                size_t name_length, value_length;

                assert_non_null(line_end);
                equals = memchr(position, '=', (size_t) (line_end - position));
                if (equals) {
                        name_length = (size_t) (equals - position);
                        value = equals + 1;
                        value_length = (size_t) (line_end - value);
                } else {
                        uint64_t wire_length;

                        name_length = (size_t) (line_end - position);
                        assert_true((size_t) (end - line_end - 1) > sizeof(wire_length));
                        memcpy(&wire_length, line_end + 1, sizeof(wire_length));
                        value = line_end + 1 + sizeof(wire_length);
                        value_length = (size_t) le64toh(wire_length);
                        assert_true(value_length < (size_t) (end - value));
                        assert_int_equal(value[value_length], '\n');
                }

                if (strlen(name) == name_length && memcmp(name, position, name_length) == 0) {
                        *ret_length = value_length;
                        return value;
                }
                position = value + value_length + 1;
        }

        return NULL;
}

static void assert_field(const Datagram *datagram, const char *name, const char *expected) {
        size_t length = 0;
        const char *value = field_find(datagram, name, &length);

        if (!expected) {
                assert_null(value);
                return;
        }
        assert_non_null(value);
        assert_int_equal(length, strlen(expected));
        assert_memory_equal(value, expected, length);
}

static void assert_next_message(const char *expected) {
        Datagram datagram;

        assert_true(journal_receive(&datagram));
        assert_field(&datagram, "MESSAGE", expected);
}

static void assert_no_message(void) {
        Datagram datagram;

        assert_false(journal_receive(&datagram));
}

static void test_line(_unused_ void **state) {
        char *pid = NULL;
        Datagram datagram;

        log_warning("%s: %d", "/srv", 7);
        assert_true(journal_receive(&datagram));
        assert_field(&datagram, "MESSAGE", "/srv: 7");
        assert_field(&datagram, "PRIORITY", "4");
        assert_field(&datagram, "SYSLOG_IDENTIFIER", "healerd");
        assert_true(asprintf(&pid, "%ld", (long) getpid()) > 0);
        assert_field(&datagram, "SYSLOG_PID", pid);
        assert_field(&datagram, "ERRNO", NULL);
        assert_no_message();
        free(pid);
}

static void test_errno(_unused_ void **state) {
        Datagram datagram;

        errno = ENOSPC;
        assert_int_equal(log_error_errno(-EIO, "cannot read: %m"), -EIO);
        assert_int_equal(errno, ENOSPC);
        assert_true(journal_receive(&datagram));
        assert_field(&datagram, "MESSAGE", "cannot read: Input/output error");
        assert_field(&datagram, "ERRNO", "5");
        assert_field(&datagram, "PRIORITY", "3");

        assert_int_equal(log_warning_errno(EIO, "cannot read: %m"), -EIO);
        assert_next_message("cannot read: Input/output error");
        /* Also where nothing is said. */
        assert_int_equal(log_debug_errno(-EIO, "unsaid"), -EIO);
        assert_no_message();
}

static void test_levels(_unused_ void **state) {
        LogRecord record;

        log_debug("unsaid");
        log_record_begin(&record, LOG_DEBUG, NULL);
        log_record_send(&record, "unsaid");
        assert_no_message();

        log_set_max_level(LOG_DEBUG);
        log_debug("debug");
        assert_next_message("debug");

        log_set_max_level(LOG_ERR);
        log_warning("unsaid");
        log_error("error");
        assert_next_message("error");
        assert_no_message();
        log_set_max_level(LOG_INFO);
}

static void test_long_message(_unused_ void **state) {
        static const size_t lengths[] = { LOG_TEXT_SIZE - 1, LOG_TEXT_SIZE, LOG_TEXT_SIZE + 9 };
        char text[LOG_TEXT_SIZE + 10];

        for (size_t i = 0; i < ELEMENTSOF(lengths); i++) {
                print_message("%zu bytes\n", lengths[i]);
                memset(text, 'a', sizeof(text));
                text[lengths[i]] = '\0';
                log_info("%s", text);
                if (lengths[i] >= LOG_TEXT_SIZE)
                        memcpy(text + LOG_TEXT_SIZE - sizeof("..."), "...", sizeof("..."));
                assert_next_message(text);
        }
}

static void test_record(_unused_ void **state) {
        static const char bytes[] = "a\n\0=b";
        LogRecord record;
        Datagram datagram;
        size_t length;

        log_record_begin(&record, LOG_NOTICE, "b9cdfbff802049a6ab95c8b8b05f3f95");
        log_record_field(&record, "XFS_HEALER_EVENT", "%d", 42);
        log_record_field(&record, "XFS_HEALER_LINES", "one\ntwo");
        log_record_field(&record, "XFS_HEALER_EMPTY", "%s", "");
        log_record_bytes(&record, "XFS_HEALER_PATH", bytes, sizeof(bytes));
        log_record_bytes(&record, "XFS_HEALER_NOTHING", NULL, 0);
        log_record_field(&record, "XFS_HEALER_LAST", "a=b");
        log_record_send(&record, "said");

        assert_true(journal_receive(&datagram));
        assert_field(&datagram, "MESSAGE", "said");
        assert_field(&datagram, "PRIORITY", "5");
        assert_field(&datagram, "MESSAGE_ID", "b9cdfbff802049a6ab95c8b8b05f3f95");
        assert_field(&datagram, "XFS_HEALER_EVENT", "42");
        assert_field(&datagram, "XFS_HEALER_LINES", "one\ntwo");
        assert_field(&datagram, "XFS_HEALER_EMPTY", "");
        assert_memory_equal(field_find(&datagram, "XFS_HEALER_PATH", &length), bytes, sizeof(bytes));
        assert_int_equal(length, sizeof(bytes));
        assert_field(&datagram, "XFS_HEALER_NOTHING", "");
        assert_field(&datagram, "XFS_HEALER_LAST", "a=b");
        assert_field(&datagram, "XFS_HEALER_FIELDS_OMITTED", NULL);
}

static void test_field_names(_unused_ void **state) {
        static const struct {
                const char *name;
                bool is_valid;
        } cases[] = {
                { "A", true }, { "XFS_HEALER_2", true },
                { "A234567890123456789012345678901234567890123456789012345678901234", true },
                { "A2345678901234567890123456789012345678901234567890123456789012345", false },
                { "", false }, { "_PID", false }, { "2A", false }, { "lower", false }, { "A-B", false },
                { "A=B", false }, { "A B", false }, { "A\nB", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                LogRecord record;
                Datagram datagram;

                print_message("\"%s\"\n", cases[i].name);
                log_record_begin(&record, LOG_INFO, NULL);
                log_record_field(&record, cases[i].name, "value");
                log_record_send(&record, "said");
                assert_true(journal_receive(&datagram));
                assert_field(&datagram, "MESSAGE", "said");
                assert_field(&datagram, "XFS_HEALER_FIELDS_OMITTED", cases[i].is_valid ? NULL : "1");
                if (cases[i].is_valid)
                        assert_field(&datagram, cases[i].name, "value");
        }
}

static void test_omitted(_unused_ void **state) {
        static char large[LOG_RECORD_SIZE + 1];
        LogRecord record;
        Datagram datagram;
        size_t length;

        memset(large, 'a', LOG_RECORD_SIZE);
        log_record_begin(&record, LOG_INFO, NULL);
        log_record_field(&record, "TOO_LARGE", "%s", large);
        log_record_bytes(&record, "TOO_LARGE", large, LOG_RECORD_SIZE);
        /* Fits to the last byte: name, sign, value, newline. */
        log_record_bytes(&record, "LARGE", large, LOG_RECORD_SIZE - strlen("LARGE=\n"));
        log_record_field(&record, "NO_ROOM", "1");
        log_record_send(&record, "said");

        assert_true(journal_receive(&datagram));
        assert_field(&datagram, "XFS_HEALER_FIELDS_OMITTED", "3");
        assert_field(&datagram, "TOO_LARGE", NULL);
        assert_non_null(field_find(&datagram, "LARGE", &length));
        assert_int_equal(length, LOG_RECORD_SIZE - strlen("LARGE=\n"));
        assert_field(&datagram, "NO_ROOM", NULL);
        assert_field(&datagram, "MESSAGE", "said");

        log_record_begin(&record, LOG_INFO, NULL);
        log_record_bytes(&record, "LARGE", large, LOG_RECORD_SIZE - strlen("LARGE=\n") + 1);
        assert_int_equal(record.n_omitted, 1);
        assert_int_equal(record.length, 0);
}

/* Nobody reads: lines are dropped at some point and counted, and nothing waits. */
static void test_full_journal(_unused_ void **state) {
        uint64_t before = log_dropped();
        size_t n_sent = 0, n_received = 0;
        Datagram datagram;

        while (log_dropped() == before && n_sent < MANY_LINES) {
                log_info("line");
                n_sent++;
        }
        log_info("line");
        assert_int_equal(log_dropped(), before + 2);
        n_sent++;

        while (journal_receive(&datagram))
                n_received++;
        assert_int_equal(n_received, n_sent - 2);

        log_info("after");
        assert_next_message("after");
        assert_next_message("2 log lines could not be handed over");
        assert_int_equal(log_dropped(), before + 2);

        log_info("once");
        assert_next_message("once");
        assert_no_message();
}

static void test_restarted_journal(_unused_ void **state) {
        uint64_t before = log_dropped();

        journal_stop();
        log_info("dropped");
        assert_int_equal(log_dropped(), before + 1);

        assert_int_equal(journal_start(), 0);
        log_info("after");
        assert_next_message("after");
        assert_next_message("1 log lines could not be handed over");
        assert_no_message();
}

static int replace_stderr(int fd) {
        int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);

        assert_true(saved >= 0);
        assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
        return saved;
}

static void restore_stderr(int saved) {
        (void) dup2(saved, STDERR_FILENO);
        (void) close_fd(saved);
}

static void test_stderr(_unused_ void **state) {
        uint64_t before = log_dropped(), dropped, dropped_without_reader;
        char text[256] = "", rest[4096];
        int ends[2], saved;
        ssize_t n;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
        saved = replace_stderr(ends[1]);
        log_open("healerd", LOG_TARGET_STDERR);

        log_error("bad \033[1m name\nnext");
        n = read(ends[0], text, sizeof(text) - 1);
        for (size_t i = 0; i < MANY_LINES && log_dropped() == before; i++)
                log_info("line");
        dropped = log_dropped() - before;

        /* With room in it again, only the reader is missing. */
        while (read(ends[0], rest, sizeof(rest)) > 0)
                ;
        (void) close_fd(ends[0]);
        log_info("nobody reads, and SIGPIPE does not come");
        dropped_without_reader = log_dropped() - before;

        restore_stderr(saved);
        (void) close_fd(ends[1]);
        log_open("healerd", LOG_TARGET_JOURNAL);

        assert_true(n > 0);
        assert_string_equal(text, "healerd: bad ?[1m name?next\n");
        assert_int_equal(dropped, 1);
        assert_int_equal(dropped_without_reader, 2);

        /* Said where lines arrive again. */
        log_info("after");
        assert_next_message("after");
        assert_next_message("2 log lines could not be handed over");
}

static void test_open_auto(_unused_ void **state) {
        enum { JOURNAL_NONE, JOURNAL_OTHER, JOURNAL_OURS };
        static const struct {
                const char *name;
                int stream;
                bool has_socket, to_journal;
        } cases[] = {
                { "file, socket",                   JOURNAL_NONE,  true,  true  },
                { "file, no socket",                JOURNAL_NONE,  false, false },
                { "file, other stream, no socket",  JOURNAL_OTHER, false, false },
                { "the journal's stream",           JOURNAL_OURS,  true,  true  },
                { "the journal's stream, no socket", JOURNAL_OURS, false, true  },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(free_at) char *stream = NULL, *path = NULL;
                uint64_t before = log_dropped(), dropped;
                struct stat status;
                Datagram datagram;
                int fd, saved;

                print_message("%s\n", cases[i].name);
                assert_true(asprintf(&path, "%s/stderr", folder) > 0);
                fd = open(path, O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);
                assert_true(fd >= 0);
                assert_int_equal(fstat(fd, &status), 0);
                assert_true(asprintf(&stream, "%" PRIu64 ":%" PRIu64, (uint64_t) status.st_dev,
                                     (uint64_t) status.st_ino + (cases[i].stream == JOURNAL_OTHER)) > 0);
                if (cases[i].stream == JOURNAL_NONE)
                        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
                else
                        assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
                if (!cases[i].has_socket)
                        journal_stop();

                saved = replace_stderr(fd);
                log_open_auto("healerd");
                log_info("where");
                restore_stderr(saved);
                dropped = log_dropped() - before;
                assert_int_equal(fstat(fd, &status), 0);
                (void) close_fd(fd);
                assert_int_equal(unlink(path), 0);

                assert_int_equal(status.st_size, cases[i].to_journal ? 0 : strlen("healerd: where\n"));
                assert_int_equal(dropped, cases[i].to_journal && !cases[i].has_socket);
                if (cases[i].has_socket)
                        assert_next_message("where");
                else
                        assert_int_equal(journal_start(), 0);

                /* The next case begins with nothing left to say. */
                log_open("healerd", LOG_TARGET_JOURNAL);
                log_info("after");
                while (journal_receive(&datagram))
                        ;
        }

        assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

/* A terminal shows the lines itself, unless systemd says that it is the journal's. */
static void test_open_auto_terminal(_unused_ void **state) {
        _cleanup_(close_fd_at) int terminal = posix_openpt(O_RDWR|O_NOCTTY|O_CLOEXEC), slave = -EBADF;
        char text[64] = "";
        int saved;

        if (terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0)
                slave = open(ptsname(terminal), O_RDWR|O_NOCTTY|O_CLOEXEC);
        if (slave < 0) {
                print_message("skipped: no pseudo terminals here\n");
                skip();
        }

        saved = replace_stderr(slave);
        log_open_auto("healerd");
        log_info("where");
        restore_stderr(saved);
        log_open("healerd", LOG_TARGET_JOURNAL);
        assert_true(read(terminal, text, sizeof(text) - 1) > 0);
        assert_string_equal(text, "healerd: where\r\n");
        assert_no_message();
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line),
                cmocka_unit_test(test_errno),
                cmocka_unit_test(test_levels),
                cmocka_unit_test(test_long_message),
                cmocka_unit_test(test_record),
                cmocka_unit_test(test_field_names),
                cmocka_unit_test(test_omitted),
                cmocka_unit_test(test_full_journal),
                cmocka_unit_test(test_restarted_journal),
                cmocka_unit_test(test_stderr),
                cmocka_unit_test(test_open_auto),
                cmocka_unit_test(test_open_auto_terminal),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
