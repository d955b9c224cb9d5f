/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line between healerd and healer-worker: every type survives the journey, every kind of nonsense is
 * refused, descriptors are neither lost nor leaked.
 */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/protocol/worker-protocol.h"

static const WorkerMessageType all_types[] = {
        WORKER_HELLO, WORKER_HELD, WORKER_HELD_END, WORKER_RELEASED, WORKER_REPAIR, WORKER_SCRUB,
        WORKER_GATHER, WORKER_CANCEL, WORKER_JOB_TAKEN, WORKER_SURVEY, WORKER_SURVEY_CANCEL, WORKER_START_UNIT,
        WORKER_HELLO_REPLY, WORKER_FILESYSTEM, WORKER_MOUNT_ADDED, WORKER_MOUNT_GONE, WORKER_MOUNTS_LISTED,
        WORKER_JOB_STARTED, WORKER_JOB_RESULT, WORKER_GATHERED, WORKER_INTENT_LEFT, WORKER_SURVEY_RESULT,
        WORKER_ZONE,
        WORKER_POWER,
        WORKER_SCAN,
        WORKER_JOB_PROGRESS,
        WORKER_LIST_USERS,
        WORKER_USER,
        WORKER_USERS_END,
        WORKER_SET_AUTOFSCK,
        WORKER_AUTOFSCK,
};

typedef struct Line {
        int near, far;
} Line;

static int setup_line(void **state) {
        static Line line;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) < 0)
                return -1;
        line = (Line) { fds[0], fds[1] };
        *state = &line;
        return 0;
}

static int teardown_line(void **state) {
        Line *line = *state;

        close_fd(line->near);
        close_fd(line->far);
        return 0;
}

static void message_prepare(WorkerMessage *message, WorkerMessageType type) {
        memset(message, 0, sizeof(*message));
        worker_message_init(message, type);
        /* Zero is nothing that could be asked for. */
        if (type == WORKER_SURVEY) {
                message->survey.request_id = 1;
                message->survey.depth = SURVEY_GROUPS;
        }
        if (type == WORKER_START_UNIT)
                message->unit.job_id = 1;
        if (type == WORKER_LIST_USERS)
                message->users.request_id = 1;
}

/* The lowest number a new descriptor would get: equal before and after means that none was leaked. */
static int next_descriptor(void) {
        int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);

        assert_true(fd >= 0);
        close_fd(fd);
        return fd;
}

static void test_every_type_travels(void **state) {
        Line *line = *state;

        for (size_t i = 0; i < ELEMENTSOF(all_types); i++) {
                WorkerMessage sent, received;
                int fd = 99;

                print_message("%s\n", worker_message_type_to_name(all_types[i]));
                message_prepare(&sent, all_types[i]);
                memset(&received, 0xff, sizeof(received));

                assert_int_equal(worker_message_send(line->near, &sent, -EBADF), 0);
                assert_int_equal(worker_message_receive(line->far, &received, &fd), 0);
                assert_int_equal(fd, -EBADF);
                assert_int_equal(received.header.type, all_types[i]);
                assert_memory_equal(&sent, &received, sent.header.size_bytes);
        }
}

static void test_values_travel(void **state) {
        Line *line = *state;
        WorkerMessage sent, received;
        int fd = -EBADF;

        message_prepare(&sent, WORKER_REPAIR);
        sent.repair = (WorkerRepairRequest) {
                .job_id = UINT64_MAX,
                .event_id = 7,
                .device_number = 0x801,
                .timeout_usec = USEC_INFINITY,
                .target = { .structure = STRUCTURE_INODE_DIRTREE, .inode = 131, .generation = 5 },
                .override_harmful = "inode-core-without-rtgroups",
        };
        assert_int_equal(worker_message_send(line->near, &sent, -EBADF), 0);
        assert_int_equal(worker_message_receive(line->far, &received, &fd), 0);
        assert_true(received.repair.job_id == UINT64_MAX);
        assert_int_equal(received.repair.target.structure, STRUCTURE_INODE_DIRTREE);
        assert_int_equal(received.repair.target.inode, 131);
        assert_string_equal(received.repair.override_harmful, "inode-core-without-rtgroups");

        message_prepare(&sent, WORKER_MOUNT_ADDED);
        memset(sent.mount.mount_point, 'a', sizeof(sent.mount.mount_point) - 1);
        assert_int_equal(worker_message_send(line->near, &sent, -EBADF), 0);
        assert_int_equal(worker_message_receive(line->far, &received, &fd), 0);
        assert_int_equal(strlen(received.mount.mount_point), PATH_MAX - 1);
}

static void test_descriptor_travels(void **state) {
        static const struct {
                WorkerMessageType type;
                int result;
        } cases[] = {
                { WORKER_HELD,       0        },
                { WORKER_REPAIR,     0        },
                { WORKER_SCRUB,      0        },
                { WORKER_GATHER,     0        },
                { WORKER_SURVEY,     0        },
                { WORKER_START_UNIT, 0        },
                { WORKER_FILESYSTEM, 0        },
                { WORKER_ZONE,       0        },
                { WORKER_POWER,      -EBADMSG },
                { WORKER_SCAN,       -EBADMSG },
                { WORKER_JOB_PROGRESS, -EBADMSG },
                { WORKER_HELLO,      -EBADMSG },
                { WORKER_CANCEL,     -EBADMSG },
                { WORKER_LIST_USERS, -EBADMSG },
                { WORKER_USER,       -EBADMSG },
                { WORKER_JOB_RESULT, -EBADMSG },
                { WORKER_SURVEY_RESULT, -EBADMSG },
        };
        Line *line = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(close_fd_at) int pipe_read = -EBADF, pipe_write = -EBADF, received_fd = -EBADF;
                WorkerMessage sent, received;
                struct stat expected, found;
                int fds[2], next;

                print_message("%s\n", worker_message_type_to_name(cases[i].type));
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                pipe_read = fds[0];
                pipe_write = fds[1];
                next = next_descriptor();

                message_prepare(&sent, cases[i].type);
                assert_int_equal(worker_message_send(line->near, &sent, pipe_read), 0);
                assert_int_equal(worker_message_receive(line->far, &received, &received_fd), cases[i].result);
                if (cases[i].result < 0) {
                        assert_int_equal(received_fd, -EBADF);
                        assert_int_equal(next_descriptor(), next);
                        continue;
                }

                assert_int_equal(fstat(pipe_read, &expected), 0);
                assert_int_equal(fstat(received_fd, &found), 0);
                assert_true(expected.st_ino == found.st_ino);
                assert_true(fcntl(received_fd, F_GETFD) & FD_CLOEXEC);
        }
}

/* What a program of ours never does, so by hand. */
static void send_with_descriptors(int socket_fd, const void *bytes, size_t size_bytes, size_t n_descriptors) {
        uint8_t control[CMSG_SPACE(16 * sizeof(int))] = {};
        struct iovec data = { .iov_base = (void *) bytes, .iov_len = size_bytes };
        struct msghdr envelope = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = control };
        struct cmsghdr *part;

        envelope.msg_controllen = CMSG_SPACE(n_descriptors * sizeof(int));
        part = CMSG_FIRSTHDR(&envelope);
        assert(part);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(n_descriptors * sizeof(int));
        for (size_t i = 0; i < n_descriptors; i++)
                memcpy(CMSG_DATA(part) + i * sizeof(int), &socket_fd, sizeof(int));

        assert_true(sendmsg(socket_fd, &envelope, 0) == (ssize_t) size_bytes);
}

static void test_too_many_descriptors_are_closed(void **state) {
        static const size_t numbers[] = { 2, 8, 16 };
        Line *line = *state;

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                WorkerMessage sent, received;
                int fd = -EBADF, next = next_descriptor();

                print_message("%zu descriptors\n", numbers[i]);
                message_prepare(&sent, WORKER_HELD);
                send_with_descriptors(line->near, &sent, sent.header.size_bytes, numbers[i]);
                assert_int_equal(worker_message_receive(line->far, &received, &fd), -EBADMSG);
                assert_int_equal(fd, -EBADF);
                assert_int_equal(next_descriptor(), next);
        }
}

static void test_nothing_there_and_the_end(void **state) {
        Line *line = *state;
        WorkerMessage message;
        int fd = -EBADF;

        assert_int_equal(worker_message_receive(line->far, &message, &fd), -EAGAIN);
        line->near = close_fd(line->near);
        assert_int_equal(worker_message_receive(line->far, &message, &fd), -ECONNRESET);

        message_prepare(&message, WORKER_HELD_END);
        assert_int_equal(worker_message_send(line->far, &message, -EBADF), -EPIPE);
}

static void test_reader_that_does_not_read(void **state) {
        Line *line = *state;
        WorkerMessage message;
        unsigned n_sent = 0;
        int r;

        message_prepare(&message, WORKER_MOUNT_ADDED);
        do
                r = worker_message_send(line->near, &message, -EBADF);
        while (r == 0 && ++n_sent < 100000);
        assert_int_equal(r, -EAGAIN);
        assert_true(n_sent > 0);
}

static void test_lengths(void **state) {
        static const struct {
                const char *name;
                WorkerMessageType type;
                int delta;
        } cases[] = {
                { "empty hello",     WORKER_HELLO,       -(int) sizeof(WorkerHello) },
                { "one byte short",  WORKER_REPAIR,      -1                         },
                { "one byte long",   WORKER_REPAIR,      1                          },
                { "end with a byte", WORKER_HELD_END,    1                          },
                { "half a header",   WORKER_HELD_END,    -8                         },
                { "one byte",        WORKER_HELD_END,    1 - (int) sizeof(WorkerHeader) },
                { "long filesystem", WORKER_FILESYSTEM,  8                          },
                { "beyond our buffer", WORKER_FILESYSTEM, sizeof(WorkerMessage)     },
        };
        Line *line = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t bytes[3 * sizeof(WorkerMessage)] = {};
                WorkerMessage message, received;
                size_t size_bytes;
                int fd = -EBADF;

                print_message("%s\n", cases[i].name);
                message_prepare(&message, cases[i].type);
                size_bytes = message.header.size_bytes + cases[i].delta;
                /* The header tells the truth about the length, so that only the type's size is wrong. */
                message.header.size_bytes = size_bytes;
                memcpy(bytes, &message, sizeof(message));
                assert_true(send(line->near, bytes, size_bytes, 0) == (ssize_t) size_bytes);
                assert_int_equal(worker_message_receive(line->far, &received, &fd), -EBADMSG);
        }
}

static void test_nonsense(void **state) {
        static const struct {
                const char *name;
                WorkerMessageType type;
                size_t offset;
                const char *bytes;
                size_t n_bytes;
                int result;
        } cases[] = {
#define CASE(name, type, member, bytes, result) \
                { name, type, offsetof(WorkerMessage, member), bytes, sizeof(bytes) - 1, result }
                CASE("wrong magic", WORKER_HELLO, header.magic, "\1\2\3\4", -EBADMSG),
                CASE("other version", WORKER_HELLO, header.version, "\xff\x7f", -EPROTONOSUPPORT),
                CASE("type zero", WORKER_HELD_END, header.type, "\0\0", -EBADMSG),
                CASE("type in the gap", WORKER_HELD_END, header.type, "\x14\0", -EBADMSG),
                CASE("type beyond", WORKER_HELD_END, header.type, "\xff\xff", -EBADMSG),
                CASE("lies about its length", WORKER_HELD_END, header.size_bytes, "\xff\0\0\0", -EBADMSG),
                CASE("reserved is not zero", WORKER_HELD_END, header.reserved, "\1", -EBADMSG),
                CASE("structure beyond", WORKER_REPAIR, repair.target.structure, "\xff\xff\xff\x7f", -EBADMSG),
                CASE("structure negative", WORKER_REPAIR, repair.target.structure, "\xff\xff\xff\xff", -EBADMSG),
                CASE("may_repair is 2", WORKER_SCRUB, scrub.may_repair, "\2", -EBADMSG),
                CASE("padding of scrub", WORKER_SCRUB, scrub.pad[5], "\1", -EBADMSG),
                CASE("negative errno of a last error", WORKER_GATHERED, gathered.last_error.error, "\0\0\0\x80",
                     -EBADMSG),
                CASE("lost is 2", WORKER_GATHER, gather.is_lost, "\2", -EBADMSG),
                CASE("stage beyond", WORKER_SURVEY, survey.media.stage, "\4", -EBADMSG),
                CASE("all is 2", WORKER_SURVEY, survey.is_all, "\2", -EBADMSG),
                CASE("forced is 2", WORKER_REPAIR, repair.is_forced, "\2", -EBADMSG),
                CASE("monitor state beyond", WORKER_FILESYSTEM, filesystem.monitor_state, "\6", -EBADMSG),
                CASE("tristate beyond", WORKER_FILESYSTEM, filesystem.is_root, "\3", -EBADMSG),
                CASE("autofsck beyond", WORKER_FILESYSTEM, filesystem.autofsck, "\5", -EBADMSG),
                CASE("negative errno", WORKER_FILESYSTEM, filesystem.error, "\xff\xff\xff\xff", -EBADMSG),
                CASE("has an error watch", WORKER_FILESYSTEM, filesystem.has_error_watch, "\1", 0),
                CASE("half an error watch", WORKER_FILESYSTEM, filesystem.has_error_watch, "\2", -EBADMSG),
                CASE("negative errno of a watch", WORKER_FILESYSTEM, filesystem.error_watch_error,
                     "\xff\xff\xff\xff", -EBADMSG),
                CASE("as many disks as fit", WORKER_FILESYSTEM, filesystem.n_disks, "\x10", 0),
                CASE("more disks than fit", WORKER_FILESYSTEM, filesystem.n_disks, "\x11", -EBADMSG),
                CASE("power is 2", WORKER_POWER, power.is_on_battery, "\2", -EBADMSG),
                CASE("padding of power", WORKER_POWER, power.pad[6], "\1", -EBADMSG),
                CASE("scan runs is 2", WORKER_SCAN, scan.is_running, "\2", -EBADMSG),
                CASE("outcome of a scan beyond", WORKER_SCAN, scan.outcome, "\x40", -EBADMSG),
                CASE("padding of scan", WORKER_SCAN, scan.pad[5], "\1", -EBADMSG),
                CASE("more than everything", WORKER_JOB_PROGRESS, progress.percent, "\x65", -EBADMSG),
                CASE("polite is 2", WORKER_SCRUB, scrub.is_polite, "\2", -EBADMSG),
                CASE("negative errno of old errors", WORKER_FILESYSTEM, filesystem.old_errors[1].error, "\0\0\0\x80",
                     -EBADMSG),
                CASE("reserved beside old errors", WORKER_FILESYSTEM, filesystem.old_errors[0].pad, "\0\0\1", -EBADMSG),
                CASE("negative holder", WORKER_FILESYSTEM, filesystem.holder_pid, "\0\0\0\x80", -EBADMSG),
                CASE("outcome beyond", WORKER_JOB_RESULT, result.outcome, "\x40", -EBADMSG),
                CASE("answer about the boot beyond", WORKER_JOB_RESULT, result.boot_check, "\x4", -EBADMSG),
                CASE("outcome beyond at start", WORKER_JOB_STARTED, result.outcome, "\x40", -EBADMSG),
                CASE("fact state beyond", WORKER_GATHERED, gathered.path_state, "\3", -EBADMSG),
                CASE("intent flag is 2", WORKER_INTENT_LEFT, intent.is_ban, "\2", -EBADMSG),
                CASE("watch beyond", WORKER_HELLO_REPLY, hello_reply.watches_by, "\2", -EBADMSG),
                CASE("metadata directory is 2", WORKER_FILESYSTEM, filesystem.has_metadir, "\2", -EBADMSG),
                CASE("survey of nothing", WORKER_SURVEY, survey.depth, "\0", -EBADMSG),
                CASE("survey beyond", WORKER_SURVEY, survey.depth, "\5", -EBADMSG),
                CASE("survey that nobody asks for", WORKER_SURVEY, survey.request_id, "\0", -EBADMSG),
                CASE("padding of survey", WORKER_SURVEY, survey.pad[3], "\1", -EBADMSG),
                CASE("negative errno of survey", WORKER_SURVEY_RESULT, survey_result.error, "\xff\xff\xff\xff",
                     -EBADMSG),
                CASE("more findings than fit", WORKER_SURVEY_RESULT, survey_result.n_findings, "\x41", -EBADMSG),
                CASE("findings that are not there", WORKER_SURVEY_RESULT, survey_result.n_findings, "\1", -EBADMSG),
                CASE("finding that is not counted", WORKER_SURVEY_RESULT, survey_result.findings[63].inode, "\1",
                     -EBADMSG),
                CASE("last is 2", WORKER_SURVEY_RESULT, survey_result.is_last, "\2", -EBADMSG),
                CASE("padding of findings", WORKER_SURVEY_RESULT, survey_result.pad[2], "\1", -EBADMSG),
                CASE("nothing wrong", WORKER_SCRUB, scrub.may_repair, "\1", 0),
#undef CASE
        };
        Line *line = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkerMessage message, received;
                size_t size_bytes;
                int fd = -EBADF;

                print_message("%s\n", cases[i].name);
                message_prepare(&message, cases[i].type);
                size_bytes = message.header.size_bytes;
                memcpy((uint8_t *) &message + cases[i].offset, cases[i].bytes, cases[i].n_bytes);

                assert_int_equal(worker_message_check(&message, size_bytes), cases[i].result);
                assert_true(send(line->near, &message, size_bytes, 0) == (ssize_t) size_bytes);
                assert_int_equal(worker_message_receive(line->far, &received, &fd), cases[i].result);
        }
}

static void test_findings(void **state) {
        static const struct {
                const char *name;
                SickFinding finding;
                int result;
        } cases[] = {
                { "whole", { .domain = DOMAIN_FS, .structure = STRUCTURE_FS_NLINKS }, 0 },
                { "group", { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_FINOBT, .group = UINT32_MAX }, 0 },
                { "real-time group", { .domain = DOMAIN_RTGROUP, .structure = STRUCTURE_RTGROUP_RMAPBT, .group = 3 },
                  0 },
                { "inode", { .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE, .inode = 133, .generation = 5 },
                  0 },
                { "unknown bits", { .domain = DOMAIN_AG, .structure = STRUCTURE_UNRECOGNISED, .unknown_bits = 0x800 },
                  0 },
                { "unknown without bits", { .domain = DOMAIN_AG, .structure = STRUCTURE_UNRECOGNISED }, -EBADMSG },
                { "known with bits", { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .unknown_bits = 1 },
                  -EBADMSG },
                { "no structure", { .domain = DOMAIN_AG, .structure = STRUCTURE_NONE }, -EBADMSG },
                { "structure beyond", { .domain = DOMAIN_AG, .structure = N_STRUCTURES }, -EBADMSG },
                { "of another domain", { .domain = DOMAIN_RTGROUP, .structure = STRUCTURE_AG_RMAPBT }, -EBADMSG },
                { "domain without structures", { .domain = DOMAIN_MOUNT, .structure = STRUCTURE_UNRECOGNISED,
                                                 .unknown_bits = 1 }, -EBADMSG },
                { "domain beyond", { .domain = N_EVENT_DOMAINS, .structure = STRUCTURE_AG_AGF }, -EBADMSG },
                { "whole with a group", { .domain = DOMAIN_FS, .structure = STRUCTURE_FS_NLINKS, .group = 1 },
                  -EBADMSG },
                { "group with an inode", { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .inode = 1 }, -EBADMSG },
                { "group with a generation", { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .generation = 1 },
                  -EBADMSG },
                { "inode zero", { .domain = DOMAIN_INODE, .structure = STRUCTURE_INODE_CORE }, -EBADMSG },
                { "unreadable", { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .is_unreadable = 1 }, 0 },
                { "unreadable twice", { .domain = DOMAIN_AG, .structure = STRUCTURE_AG_AGF, .is_unreadable = 2 },
                  -EBADMSG },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkerMessage message;

                print_message("%s\n", cases[i].name);
                message_prepare(&message, WORKER_SURVEY_RESULT);
                message.survey_result.n_findings = SURVEY_FINDINGS_MAX;
                for (size_t k = 0; k < SURVEY_FINDINGS_MAX; k++)
                        message.survey_result.findings[k] = cases[0].finding;
                message.survey_result.findings[SURVEY_FINDINGS_MAX - 1] = cases[i].finding;
                assert_int_equal(worker_message_check(&message, message.header.size_bytes), cases[i].result);
        }
}

static void test_unterminated_texts(void **state) {
        static const struct {
                WorkerMessageType type;
                size_t offset, size_bytes;
        } cases[] = {
#define CASE(type, member) { type, offsetof(WorkerMessage, member), sizeof(((WorkerMessage *) NULL)->member) }
                CASE(WORKER_HELLO, hello.program_version),
                CASE(WORKER_HELLO_REPLY, hello_reply.program_version),
                CASE(WORKER_HELLO_REPLY, hello_reply.kernel_release),
                CASE(WORKER_FILESYSTEM, filesystem.type),
                CASE(WORKER_FILESYSTEM, filesystem.label),
                CASE(WORKER_FILESYSTEM, filesystem.holder_name),
                CASE(WORKER_FILESYSTEM, filesystem.old_errors[0].location),
                CASE(WORKER_FILESYSTEM, filesystem.old_errors[1].location),
                CASE(WORKER_FILESYSTEM, filesystem.device),
                CASE(WORKER_MOUNT_ADDED, mount.mount_point),
                CASE(WORKER_MOUNT_GONE, mount.mount_point),
                CASE(WORKER_REPAIR, repair.override_harmful),
                CASE(WORKER_GATHERED, gathered.path),
                CASE(WORKER_JOB_STARTED, result.detail),
                CASE(WORKER_JOB_RESULT, result.detail),
                CASE(WORKER_JOB_RESULT, result.path),
                CASE(WORKER_INTENT_LEFT, intent.kernel_release),
                CASE(WORKER_HOOK, hook.name),
                CASE(WORKER_HOOK, hook.detail),
#undef CASE
        };

        (void) state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                WorkerMessage message;

                print_message("%s at %zu\n", worker_message_type_to_name(cases[i].type), cases[i].offset);
                message_prepare(&message, cases[i].type);
                memset((uint8_t *) &message + cases[i].offset, 'x', cases[i].size_bytes);
                assert_int_equal(worker_message_check(&message, message.header.size_bytes), -EBADMSG);

                ((uint8_t *) &message)[cases[i].offset + cases[i].size_bytes - 1] = 0;
                assert_int_equal(worker_message_check(&message, message.header.size_bytes), 0);
        }
}

static void test_our_own_nonsense_is_not_sent(void **state) {
        Line *line = *state;
        WorkerMessage message, received;
        int fd = -EBADF;

        message_prepare(&message, WORKER_JOB_RESULT);
        message.result.error = -EIO;
        assert_int_equal(worker_message_send(line->near, &message, -EBADF), -EBADMSG);
        assert_int_equal(worker_message_receive(line->far, &received, &fd), -EAGAIN);
}

static void test_names(void **state) {
        MonitorState found = MONITOR_NONE;

        (void) state;

        for (unsigned i = MONITOR_NONE; i <= MONITOR_ENDED; i++) {
                assert_non_null(monitor_state_to_name(i));
                assert_int_equal(monitor_state_from_name(monitor_state_to_name(i), &found), 0);
                assert_int_equal(found, i);
        }
        assert_null(worker_message_type_to_name(0));
        assert_null(worker_message_type_to_name(WORKER_SET_AUTOFSCK + 1));
        assert_null(worker_message_type_to_name(WORKER_AUTOFSCK + 1));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_every_type_travels, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_values_travel, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_descriptor_travels, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_too_many_descriptors_are_closed, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_nothing_there_and_the_end, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_reader_that_does_not_read, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_lengths, setup_line, teardown_line),
                cmocka_unit_test_setup_teardown(test_nonsense, setup_line, teardown_line),
                cmocka_unit_test(test_findings),
                cmocka_unit_test(test_unterminated_texts),
                cmocka_unit_test_setup_teardown(test_our_own_nonsense_is_not_sent, setup_line, teardown_line),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
