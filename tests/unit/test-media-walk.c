/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A verification of the media by a kernel that is played here, with its oddities: it reads in powers of two of pages,
 * stops at the first read that fails, and says why only if that was the first of the call.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/fsmap-abi.h"
#include "kernel/media-verify.h"
#include "kernel/space-map.h"
#include "kernel/xfs-abi.h"
#include "src/basic/clock.h"
#include "src/basic/macro.h"
#include "src/worker/media-walk.h"
#include "src/worker/survey-slice.h"

#define DEVICE_NUMBER 0x701
#define DEVICE_SECTORS UINT64_C(16384)
#define GROUP_SECTORS UINT64_C(4096)
#define LOG_SECTORS UINT64_C(256)
#define REALTIME_START UINT64_C(512)

typedef struct Range {
        uint64_t start, length;
} Range;

typedef struct Told {
        uint32_t device;
        Range range;
} Told;

typedef struct Fake {
        Range bad[4];                   /* of the data device; length 0: no more */
        bool has_log, has_realtime;
        int error;                      /* of a read that fails */
        uint64_t folio_max;             /* the kernel finds no larger memory; sectors */
        struct abi_fsmap map[300];
        size_t n_map;
        int map_error;                  /* positive */

        Told told[64];
        size_t n_told;
        uint64_t n_read, n_calls;       /* sectors that were read well */
        bool is_read[DEVICE_SECTORS];
} Fake;

static Fake fake;

int __wrap_ioctl(int fd, unsigned long number, ...);
int __wrap_survey_slice_open(const SurveyTask *task);

int __wrap_survey_slice_open(const SurveyTask *task) {
        assert_int_equal(task->superblock->device_number, DEVICE_NUMBER);
        return open("/dev/null", O_RDONLY|O_CLOEXEC);
}

static int give(int error) {
        errno = error;
        return -1;
}

static bool is_bad(uint32_t device, uint64_t start, uint64_t length) {
        for (size_t i = 0; device == ABI_XFS_DEV_DATA && i < ELEMENTSOF(fake.bad); i++)
                if (fake.bad[i].start < start + length && start < fake.bad[i].start + fake.bad[i].length)
                        return true;
        return false;
}

/* Source: Linux 7.2, xfs_verify_media(). */
static int play_verify(struct abi_xfs_verify_media *me) {
        uint64_t end = DEVICE_SECTORS, folio = 8, wanted = me->me_max_io_size ? me->me_max_io_size / 512 : 2048;
        uint64_t at;

        fake.n_calls++;
        assert_int_equal(me->me_pad, 0);
        if (me->me_dev == ABI_XFS_DEV_LOG)
                end = LOG_SECTORS;
        if ((me->me_dev == ABI_XFS_DEV_LOG && !fake.has_log) || (me->me_dev == ABI_XFS_DEV_RT && !fake.has_realtime))
                return give(ENODEV);
        if (me->me_dev == ABI_XFS_DEV_RT)
                me->me_start_daddr = max_of(me->me_start_daddr, REALTIME_START);
        me->me_end_daddr = min_of(me->me_end_daddr, end);
        me->me_ioerror = 0;
        if (me->me_start_daddr >= me->me_end_daddr)
                return 0;
        wanted = min_of(wanted, me->me_end_daddr - me->me_start_daddr);
        while (folio < wanted && folio < fake.folio_max)
                folio *= 2;

        for (at = me->me_start_daddr; at < me->me_end_daddr;) {
                uint64_t length = min_of(folio, me->me_end_daddr - at);

                if (is_bad(me->me_dev, at, length)) {
                        if (at == me->me_start_daddr)
                                me->me_ioerror = (uint32_t) fake.error;
                        if (me->me_flags & ABI_XFS_VERIFY_MEDIA_REPORT) {
                                assert_true(fake.n_told < ELEMENTSOF(fake.told));
                                fake.told[fake.n_told++] = (Told) { me->me_dev, { at, length } };
                        }
                        break;
                }
                for (uint64_t i = 0; me->me_dev == ABI_XFS_DEV_DATA && i < length; i++)
                        fake.is_read[at + i] = true;
                fake.n_read += length;
                at += length;
        }
        me->me_start_daddr = at;
        return 0;
}

static int play_map(struct abi_fsmap_head *head) {
        struct abi_fsmap *records = (struct abi_fsmap *) (head + 1);

        head->fmh_oflags = ABI_FMH_OF_DEV_T;
        head->fmh_entries = 0;
        if (fake.map_error && head->fmh_count > 0)
                return give(fake.map_error);
        for (size_t i = 0; i < fake.n_map && head->fmh_entries < head->fmh_count; i++)
                if (fake.map[i].fmr_physical <= head->fmh_keys[1].fmr_physical &&
                    fake.map[i].fmr_physical + fake.map[i].fmr_length > head->fmh_keys[0].fmr_physical &&
                    head->fmh_keys[0].fmr_device == DEVICE_NUMBER)
                        records[head->fmh_entries++] = fake.map[i];
        return 0;
}

static int play_bulkstat(void *argument) {
        struct {
                struct abi_xfs_bulk_ireq header;
                struct abi_xfs_bulkstat inode;
        } *request = argument;

        request->header.ocount = 1;
        request->inode.bs_ino = request->header.ino;
        request->inode.bs_gen = 7;
        return 0;
}

static int play_geometry(struct abi_xfs_fsop_geom *geometry) {
        *geometry = (struct abi_xfs_fsop_geom) {
                .blocksize = 4096,
                .agblocks = GROUP_SECTORS / 8,
                .agcount = 4,
                .sectsize = 512,
        };
        return 0;
}

int __wrap_ioctl(int fd, unsigned long number, ...) {
        va_list arguments;
        void *argument;

        (void) fd;
        va_start(arguments, number);
        argument = va_arg(arguments, void *);
        va_end(arguments);
        if (number == ABI_XFS_IOC_VERIFY_MEDIA)
                return play_verify(argument);
        if (number == ABI_FS_IOC_GETFSMAP)
                return play_map(argument);
        if (number == ABI_XFS_IOC_BULKSTAT)
                return play_bulkstat(argument);
        if (number == ABI_XFS_IOC_FSGEOMETRY)
                return play_geometry(argument);
        return give(ENOTTY);
}

static void add(uint64_t start, uint64_t length, uint64_t owner, uint32_t flags) {
        fake.map[fake.n_map++] = (struct abi_fsmap) {
                .fmr_device = DEVICE_NUMBER,
                .fmr_flags = flags,
                .fmr_physical = start * 512,
                .fmr_length = length * 512,
                .fmr_owner = owner,
        };
}

#define SPECIAL ABI_FMR_OF_SPECIAL_OWNER

static int begin(void **state) {
        (void) state;
        fake = (Fake) { .error = EIO, .folio_max = 2048 };
        add(0, 8, ABI_XFS_FMR_OWN_FS, SPECIAL);
        add(8, 40, ABI_XFS_FMR_OWN_AG, SPECIAL);
        add(48, 16, ABI_XFS_FMR_OWN_INOBT, SPECIAL);
        add(64, 64, ABI_XFS_FMR_OWN_INODES, SPECIAL);
        add(128, 3968, ABI_FMR_OWN_FREE, SPECIAL);
        add(4096, 2048, 131, 0);
        add(6144, 8, 131, ABI_FMR_OF_EXTENT_MAP);
        add(6152, 8, 131, ABI_FMR_OF_ATTR_FORK);
        add(6160, 8, 131, ABI_FMR_OF_ATTR_FORK|ABI_FMR_OF_EXTENT_MAP);
        add(6168, 10216, ABI_FMR_OWN_FREE, SPECIAL);
        return 0;
}

typedef struct Answer {
        WorkerSurveyResult last;
        SickFinding findings[16];
        size_t n_findings;
} Answer;

static Answer run(const WorkerSurveyRequest *request) {
        const Superblock superblock = { .device_number = DEVICE_NUMBER };
        const SurveyTask task = { .superblock = &superblock, .monitor_fd = -EBADF, .request = *request };
        WorkerMessage message;
        Answer answer = {};
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC|SOCK_NONBLOCK, 0, fds), 0);
        assert_int_equal(media_walk_in_child(fds[1], &task), 0);
        while (!answer.last.is_last) {
                ssize_t length = recv(fds[0], &message, sizeof(message), 0);

                assert_true(length > 0);
                assert_int_equal(worker_message_check(&message, (size_t) length), 0);
                answer.last = message.survey_result;
                for (size_t i = 0; i < answer.last.n_findings; i++)
                        answer.findings[answer.n_findings++] = answer.last.findings[i];
        }
        close(fds[0]);
        close(fds[1]);
        return answer;
}

static Answer run_from(bool is_all, MediaPosition position) {
        WorkerSurveyRequest request = {
                .request_id = 1, .device_number = DEVICE_NUMBER, .depth = SURVEY_MEDIA, .is_all = is_all,
                .media = position,
        };

        return run(&request);
}

static Answer run_all(void) {
        return run_from(true, (MediaPosition) {});
}

static void assert_told(const Range *ranges, size_t n) {
        assert_int_equal(fake.n_told, n);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(fake.told[i].device, ABI_XFS_DEV_DATA);
                assert_int_equal(fake.told[i].range.start, ranges[i].start);
                assert_int_equal(fake.told[i].range.length, ranges[i].length);
        }
}

static void test_clean(void **state) {
        Answer answer = run_all();

        (void) state;
        assert_int_equal(answer.last.error, 0);
        assert_int_equal(answer.last.media.position.stage, MEDIA_STAGE_DONE);
        assert_int_equal(answer.last.media.n_bytes, DEVICE_SECTORS * 512);
        assert_int_equal(answer.last.media.n_bytes_left, 0);
        assert_int_equal(answer.last.media.n_bad, 0);
        assert_int_equal(fake.n_read, DEVICE_SECTORS);
        assert_int_equal(fake.n_told, 0);
}

static void test_used(void **state) {
        Answer answer = run_from(false, (MediaPosition) {});

        (void) state;
        assert_int_equal(answer.last.error, 0);
        assert_int_equal(answer.last.media.position.stage, MEDIA_STAGE_DONE);
        assert_int_equal(fake.n_read, 128 + 2048 + 24);
        assert_true(fake.is_read[0] && fake.is_read[127] && fake.is_read[4096] && fake.is_read[6167]);
        assert_false(fake.is_read[128] || fake.is_read[4095] || fake.is_read[6168]);
}

/* The b-trees that say it cannot be read. */
static void test_no_map(void **state) {
        Answer answer;

        (void) state;
        fake.map_error = EIO;
        answer = run_from(false, (MediaPosition) {});
        assert_int_equal(answer.last.error, 0);
        assert_int_equal(fake.n_read, DEVICE_SECTORS);
}

/* More owners than one answer has room for, many of them of the same place. */
static void test_large_map(void **state) {
        Answer answer;

        (void) state;
        fake.n_map = 0;
        for (uint64_t i = 0; i < 290; i++)
                add(i < 150 ? 8 : 16 * i, 8, 131 + i, 0);
        answer = run_from(false, (MediaPosition) {});
        assert_int_equal(answer.last.error, 0);
        assert_int_equal(fake.n_read, 8 + 140 * 8);
}

static void test_other_devices(void **state) {
        Answer answer;

        (void) state;
        fake.has_log = fake.has_realtime = true;
        answer = run_all();
        assert_int_equal(answer.last.error, 0);
        assert_int_equal(fake.n_read, DEVICE_SECTORS + LOG_SECTORS + DEVICE_SECTORS - REALTIME_START);
        assert_int_equal(answer.last.media.n_bytes, fake.n_read * 512);
}

static void test_exact_ranges(void **state) {
        static const struct {
                const char *name;
                Range bad[4], told[8];
                uint64_t folio_max, n_bad, n_bad_bytes;
        } cases[] = {
                { "one block", { { 5000, 8 } }, { { 5000, 8 } }, 2048, 1, 4096 },
                { "a sector of a block", { { 5003, 1 } }, { { 5000, 8 } }, 2048, 1, 4096 },
                { "two beside one another", { { 5000, 8 }, { 5008, 8 } }, { { 5000, 16 } }, 2048, 1, 8192 },
                { "two with one between", { { 5000, 8 }, { 5016, 8 } }, { { 5000, 8 }, { 5016, 8 } }, 2048, 2, 8192 },
                { "over the end of a small piece", { { 4216, 16 } }, { { 4216, 16 } }, 2048, 1, 8192 },
                { "first and last", { { 0, 8 }, { DEVICE_SECTORS - 8, 8 } },
                  { { 0, 8 }, { DEVICE_SECTORS - 8, 8 } }, 2048, 2, 8192 },
                { "more than is told at once", { { 4096, 300 } },
                  { { 4096, 128 }, { 4224, 128 }, { 4352, 48 } }, 2048, 3, 304 * 512 },
                { "little memory", { { 5000, 8 }, { 9000, 16 } }, { { 5000, 8 }, { 9000, 16 } }, 16, 2, 24 * 512 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t n_told = 0;
                Answer answer;

                print_message("%s\n", cases[i].name);
                begin(state);
                memcpy(fake.bad, cases[i].bad, sizeof(fake.bad));
                fake.folio_max = cases[i].folio_max;
                while (n_told < ELEMENTSOF(cases[i].told) && cases[i].told[n_told].length > 0)
                        n_told++;
                answer = run_all();
                assert_int_equal(answer.last.error, 0);
                assert_told(cases[i].told, n_told);
                assert_int_equal(answer.last.media.position.stage, MEDIA_STAGE_DONE);
                assert_int_equal(answer.last.media.n_bad, cases[i].n_bad);
                assert_int_equal(answer.last.media.n_bad_bytes, cases[i].n_bad_bytes);
                assert_int_equal(answer.last.media.n_bytes, DEVICE_SECTORS * 512);
                /* All that can be read was read. */
                for (uint64_t sector = 0; sector < DEVICE_SECTORS; sector++)
                        if (!is_bad(ABI_XFS_DEV_DATA, sector / 8 * 8, 8))
                                assert_true(fake.is_read[sector]);
        }
}

static void test_owners(void **state) {
        static const struct {
                const char *name;
                uint64_t at;
                SpaceOwner owner;
                Structure structures[2];
                uint32_t group;
                uint64_t inode;
        } cases[] = {
                { "headers", 0, SPACE_HEADERS, {}, 0, 0 },
                { "free space b-trees", 8, SPACE_SPACE_BTREES, { STRUCTURE_AG_RMAPBT, STRUCTURE_AG_BNOBT }, 0, 0 },
                { "inode b-trees", 48, SPACE_INODE_BTREES, { STRUCTURE_AG_INOBT }, 0, 0 },
                { "inodes", 64, SPACE_INODES, {}, 0, 0 },
                { "free", 1000, SPACE_FREE, {}, 0, 0 },
                { "contents", 4096, SPACE_FILE, {}, 0, 0 },
                { "block map", 6144, SPACE_FILE_MAP, { STRUCTURE_INODE_DATAFORK }, 0, 131 },
                { "attributes", 6152, SPACE_ATTRIBUTES, { STRUCTURE_INODE_XATTR }, 0, 131 },
                { "map of attributes", 6160, SPACE_ATTRIBUTE_MAP, { STRUCTURE_INODE_ATTRFORK }, 0, 131 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                size_t n = 0;
                Answer answer;

                print_message("%s\n", cases[i].name);
                begin(state);
                fake.bad[0] = (Range) { cases[i].at, 8 };
                answer = run_all();
                assert_int_equal(answer.last.media.n_bad, 1);
                for (SpaceOwner owner = 0; owner < N_SPACE_OWNERS; owner++)
                        assert_int_equal(answer.last.media.n_bad_of[owner], owner == cases[i].owner);
                while (n < ELEMENTSOF(cases[i].structures) && cases[i].structures[n] != STRUCTURE_NONE)
                        n++;
                assert_int_equal(answer.n_findings, n);
                for (size_t j = 0; j < n; j++) {
                        assert_int_equal(answer.findings[j].structure, cases[i].structures[j]);
                        assert_int_equal(answer.findings[j].is_unreadable, true);
                        assert_int_equal(answer.findings[j].group, cases[i].group);
                        assert_int_equal(answer.findings[j].inode, cases[i].inode);
                        assert_int_equal(answer.findings[j].generation, cases[i].inode ? 7 : 0);
                }
        }
}

/* What may pass says nothing of what is there: the turn ends before it. */
static void test_passing_error(void **state) {
        Answer answer;

        (void) state;
        fake.error = ETIMEDOUT;
        fake.bad[0] = (Range) { 5000, 8 };
        answer = run_all();
        assert_int_equal(answer.last.error, ETIMEDOUT);
        assert_int_equal(answer.last.media.n_bad, 0);
        assert_int_equal(fake.n_told, 0);
        assert_true(answer.last.media.position.next <= 5000);
        assert_int_equal(answer.last.media.n_bytes, answer.last.media.position.next * 512);
}

static void test_goes_on(void **state) {
        Answer answer;

        (void) state;
        answer = run_from(true, (MediaPosition) { .stage = MEDIA_STAGE_DATA, .next = 16000 });
        assert_int_equal(answer.last.media.n_bytes, 384 * 512);
        assert_int_equal(fake.n_read, 384);
        assert_int_equal(answer.last.media.position.stage, MEDIA_STAGE_DONE);
}

/* A twentieth of a second, less what the last slice need not wait for. */
static void test_rate(void **state) {
        WorkerSurveyRequest request = {
                .request_id = 1, .device_number = DEVICE_NUMBER, .depth = SURVEY_MEDIA, .is_all = true,
                .rate_bytes = 20 * DEVICE_SECTORS * 512,
        };
        uint64_t began_usec = clock_monotonic_usec();

        (void) state;
        assert_int_equal(run(&request).last.media.position.stage, MEDIA_STAGE_DONE);
        assert_true(clock_monotonic_usec() - began_usec >= 30 * USEC_PER_MSEC);

        /* As slow as it may be: 16 KiB in a quarter of a second, in pieces of which none makes the turn end. */
        request.rate_bytes = VERIFY_RATE_MIN_BYTES;
        request.media.next = DEVICE_SECTORS - 32;
        began_usec = clock_monotonic_usec();
        assert_int_equal(run(&request).last.media.position.stage, MEDIA_STAGE_DONE);
        assert_true(clock_monotonic_usec() - began_usec >= 150 * USEC_PER_MSEC);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_clean),
                TEST(test_used),
                TEST(test_no_map),
                TEST(test_large_map),
                TEST(test_other_devices),
                TEST(test_exact_ranges),
                TEST(test_owners),
                TEST(test_passing_error),
                TEST(test_goes_on),
                TEST(test_rate),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
