/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The intents on disk. Structures are written by name: their numbers may differ in a later version.
 */

#include "src/worker/intent-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

#define INTENT_MAGIC UINT32_C(0x544e4948)       /* "HINT" */
#define INTENT_VERSION 1

static const char *const intent_state_names[] = {
        [INTENT_FREE] = "free",
        [INTENT_OPEN] = "open",
        [INTENT_DONE] = "done",
        [INTENT_FAILED] = "failed",
        [INTENT_INTERRUPTED] = "interrupted",
        [INTENT_BANNED] = "banned",
};
DEFINE_NAMES(intent_state, IntentState)

typedef struct IntentRecord {
        uint32_t magic;
        uint16_t version;
        uint8_t state;
        uint8_t outcome;
        uint64_t job_id;
        uint64_t event_id;
        uint64_t device_number;
        uint64_t started_realtime_usec;
        uint64_t ended_realtime_usec;
        uint64_t duration_usec;
        uint64_t oops_count;
        uint64_t process_start_ticks;
        uint64_t inode;
        uint32_t generation;
        uint32_t group;
        uint32_t revision;
        uint32_t flags;
        int32_t pid;
        int32_t error;
        uint8_t uuid[UUID_SIZE];
        uint8_t boot_id[BOOT_ID_SIZE];
        uint8_t is_uuid_known;
        uint8_t was_verified;
        char domain[16];
        char structure[24];
        char kernel_release[65];
        char detail[128];
        uint8_t reserved[137];
        uint32_t checksum;              /* of everything before it */
} IntentRecord;

_Static_assert(sizeof(IntentRecord) == INTENT_RECORD_SIZE, "an intent is one sector");
_Static_assert(offsetof(IntentRecord, checksum) == INTENT_RECORD_SIZE - sizeof(uint32_t), "the checksum stands last");

/* CRC-32C, four bits at a time: bit by bit it took as long as everything else that is done for a record before the disk
 * is asked, and a repair waits for it. */
static uint32_t checksum(const void *bytes, size_t length) {
        static const uint32_t of_four_bits[16] = {
                0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
                0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
                0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
        };
        const uint8_t *byte = bytes;
        uint32_t crc = UINT32_MAX;

        while (length-- > 0) {
                crc ^= *byte++;
                crc = crc >> 4 ^ of_four_bits[crc & 15];
                crc = crc >> 4 ^ of_four_bits[crc & 15];
        }

        return ~crc;
}

bool intent_is_same(const Intent *a, const Intent *b) {
        return a->job_id == b->job_id && a->started_realtime_usec == b->started_realtime_usec &&
               memcmp(a->boot_id, b->boot_id, BOOT_ID_SIZE) == 0;
}

void intent_encode(const Intent *intent, uint8_t ret_bytes[static INTENT_RECORD_SIZE]) {
        const char *structure = structure_to_name(intent->target.structure);
        const char *domain = event_domain_to_name(structure_domain(intent->target.structure));
        IntentRecord record = {};

        if (intent->state != INTENT_FREE) {
                record = (IntentRecord) {
                        .magic = INTENT_MAGIC,
                        .version = INTENT_VERSION,
                        .state = intent->state,
                        .outcome = intent->outcome,
                        .job_id = intent->job_id,
                        .event_id = intent->event_id,
                        .device_number = intent->device_number,
                        .started_realtime_usec = intent->started_realtime_usec,
                        .ended_realtime_usec = intent->ended_realtime_usec,
                        .duration_usec = intent->duration_usec,
                        .oops_count = intent->oops_count,
                        .process_start_ticks = intent->process_start_ticks,
                        .inode = intent->target.inode,
                        .generation = intent->target.generation,
                        .group = intent->target.group,
                        .revision = intent->revision,
                        .flags = intent->flags,
                        .pid = intent->pid,
                        .error = intent->error,
                        .is_uuid_known = intent->uuid_state == FACT_KNOWN,
                        .was_verified = intent->was_verified,
                };
                memcpy(record.uuid, intent->uuid, UUID_SIZE);
                memcpy(record.boot_id, intent->boot_id, BOOT_ID_SIZE);
                (void) text_copy(record.domain, sizeof(record.domain), domain ?: "");
                (void) text_copy(record.structure, sizeof(record.structure), structure ?: "");
                (void) text_copy(record.kernel_release, sizeof(record.kernel_release), intent->kernel_release);
                (void) text_copy(record.detail, sizeof(record.detail), intent->detail);
                record.checksum = checksum(&record, offsetof(IntentRecord, checksum));
        }

        memcpy(ret_bytes, &record, sizeof(record));
}

static bool is_terminated(const char *text, size_t size_bytes) {
        return memchr(text, 0, size_bytes);
}

int intent_decode(const uint8_t bytes[static INTENT_RECORD_SIZE], Intent *ret_intent) {
        static const uint8_t zero[INTENT_RECORD_SIZE];
        Structure structure;
        IntentRecord record;
        EventDomain domain;

        if (memcmp(bytes, zero, sizeof(zero)) == 0)
                return -ENODATA;

        memcpy(&record, bytes, sizeof(record));
        if (record.magic != INTENT_MAGIC || record.version != INTENT_VERSION ||
            record.checksum != checksum(&record, offsetof(IntentRecord, checksum)))
                return -EBADMSG;
        if (record.state == INTENT_FREE || record.state > INTENT_BANNED || record.outcome >= N_OUTCOMES ||
            !is_terminated(record.domain, sizeof(record.domain)) ||
            !is_terminated(record.structure, sizeof(record.structure)) ||
            !is_terminated(record.kernel_release, sizeof(record.kernel_release)) ||
            !is_terminated(record.detail, sizeof(record.detail)))
                return -EBADMSG;
        if (event_domain_from_name(record.domain, &domain) < 0 ||
            structure_from_name(domain, record.structure, &structure) < 0)
                return -EBADMSG;

        *ret_intent = (Intent) {
                .state = record.state,
                .revision = record.revision,
                .job_id = record.job_id,
                .event_id = record.event_id,
                .device_number = record.device_number,
                .uuid_state = record.is_uuid_known ? FACT_KNOWN : FACT_UNKNOWN,
                .target = {
                        .structure = structure,
                        .group = record.group,
                        .inode = record.inode,
                        .generation = record.generation,
                },
                .started_realtime_usec = record.started_realtime_usec,
                .ended_realtime_usec = record.ended_realtime_usec,
                .duration_usec = record.duration_usec,
                .oops_count = record.oops_count,
                .process_start_ticks = record.process_start_ticks,
                .pid = record.pid,
                .outcome = record.outcome,
                .error = record.error,
                .flags = record.flags,
                .was_verified = record.was_verified,
        };
        memcpy(ret_intent->uuid, record.uuid, UUID_SIZE);
        memcpy(ret_intent->boot_id, record.boot_id, BOOT_ID_SIZE);
        (void) text_copy(ret_intent->kernel_release, sizeof(ret_intent->kernel_release), record.kernel_release);
        (void) text_copy(ret_intent->detail, sizeof(ret_intent->detail), record.detail);
        return 0;
}

static bool is_ours_alone(int fd, mode_t type, struct stat *ret_status) {
        return fstat(fd, ret_status) >= 0 && (ret_status->st_mode & S_IFMT) == type &&
               ret_status->st_uid == geteuid() && (ret_status->st_mode & 0022) == 0 &&
               (type == S_IFDIR || ret_status->st_nlink == 1);
}

static int open_own_directory(const char *state_dir, bool may_create) {
        _cleanup_(close_fd_at) int parent = -EBADF, directory = -EBADF;
        const int flags = O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC;
        struct stat status;

        parent = open(state_dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        if (parent < 0 && errno == ENOENT && may_create && mkdir(state_dir, 0755) >= 0)
                parent = open(state_dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        if (parent < 0)
                return -errno;

        directory = openat(parent, INTENT_DIRECTORY, flags);
        if (directory < 0 && errno == ENOENT && may_create) {
                if (mkdirat(parent, INTENT_DIRECTORY, 0700) < 0 && errno != EEXIST)
                        return -errno;
                directory = openat(parent, INTENT_DIRECTORY, flags);
        }
        if (directory < 0)
                return -errno;
        if (!is_ours_alone(directory, S_IFDIR, &status))
                return -EPERM;

        return steal_fd(&directory);
}

/* Written with zeros, not only reserved: a record must find room even when the disk is full. Returns 1 if it was
 * done, 0 if there was nothing to do, or a negative errno. */
static int fill_up(int fd, off_t size_bytes) {
        static const uint8_t zero[INTENT_FILE_BYTES];
        int r;

        if (size_bytes >= INTENT_FILE_BYTES)
                return 0;

        if (lseek(fd, size_bytes, SEEK_SET) < 0)
                return -errno;
        r = file_write_all(fd, zero, INTENT_FILE_BYTES - size_bytes);
        if (r < 0)
                return r;

        return fsync(fd) < 0 ? -errno : 1;
}

int intent_file_open(const char *state_dir, bool may_create) {
        _cleanup_(close_fd_at) int directory = -EBADF, fd = -EBADF;
        struct stat status;
        int r;

        directory = open_own_directory(state_dir, may_create);
        if (directory < 0)
                return directory;

        fd = openat(directory, INTENT_FILE,
                    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (may_create ? O_CREAT : 0), 0600);
        if (fd < 0)
                return -errno;
        if (!is_ours_alone(fd, S_IFREG, &status))
                return -EPERM;

        if (may_create) {
                r = fill_up(fd, status.st_size);
                if (r < 0)
                        return r;
                /* Its name has to be on the disk too; afterwards each record costs one fdatasync and nothing else. */
                if (r > 0 && fsync(directory) < 0)
                        return -errno;
        }

        return steal_fd(&fd);
}

static void keep_newer(IntentSlots *slots, size_t slot) {
        Intent *intent = slots->slots + slot;

        for (size_t i = 0; i < slot; i++) {
                Intent *other = slots->slots + i;

                if (other->state == INTENT_FREE || !intent_is_same(other, intent))
                        continue;
                *(other->revision < intent->revision ? other : intent) = (Intent) {};
                return;
        }
}

int intent_file_read(int fd, IntentSlots *ret_slots) {
        memset(ret_slots, 0, sizeof(*ret_slots));

        for (size_t i = 0; i < INTENT_SLOTS; i++) {
                uint8_t bytes[INTENT_RECORD_SIZE];
                ssize_t length;
                int r;

                length = pread(fd, bytes, sizeof(bytes), (off_t) (i * sizeof(bytes)));
                if (length < 0)
                        return -errno;
                if (length < (ssize_t) sizeof(bytes)) {
                        ret_slots->n_torn += length > 0;
                        return 0;
                }

                r = intent_decode(bytes, ret_slots->slots + i);
                if (r == -EBADMSG)
                        ret_slots->n_torn++;
                else if (r >= 0)
                        keep_newer(ret_slots, i);
        }

        return 0;
}

int intent_file_write(int fd, size_t slot, const Intent *intent) {
        uint8_t bytes[INTENT_RECORD_SIZE];
        ssize_t length;

        if (slot >= INTENT_SLOTS)
                return -EINVAL;

        intent_encode(intent, bytes);
        length = pwrite(fd, bytes, sizeof(bytes), (off_t) (slot * sizeof(bytes)));
        if (length < 0)
                return -errno;
        if (length < (ssize_t) sizeof(bytes))
                return -ENOSPC;

        return fdatasync(fd) < 0 ? -errno : 0;
}
