/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small files in memory: nothing here waits for a disk.
 */

#include "src/worker/unit-place.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/basic/cleanup.h"
#include "src/basic/file.h"
#include "src/basic/log.h"
#include "src/basic/macro.h"
#include "src/basic/number.h"
#include "src/basic/text.h"
#include "src/worker/runtime-folder.h"

#define RECORD_MAGIC UINT64_C(0x31444e4552524c48)
/* As long as "new-" and the longest number. */
#define NAME_SIZE 40

typedef struct RecordFile {
        uint64_t magic;
        uint64_t size_bytes;            /* another one is of another version */
        UnitRecord record;
} RecordFile;

int unit_place_open(const char *runtime_dir) {
        return runtime_folder_open(runtime_dir, UNIT_PLACE_NAME);
}

/* "17", "new-17", ".17" */
static const char *name_of(const char *prefix, uint64_t job_id, char buffer[static NAME_SIZE]) {
        (void) snprintf(buffer, NAME_SIZE, "%s%" PRIu64, prefix, job_id);
        return buffer;
}

static int write_file(int folder_fd, const char *name, const void *data, size_t size_bytes) {
        _cleanup_(close_fd_at) int fd = -EBADF;

        fd = openat(folder_fd, name, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
        return fd < 0 ? -errno : file_write_all(fd, data, size_bytes);
}

static void remove_folder(int place_fd, const char *name) {
        _cleanup_(close_fd_at) int folder_fd = -EBADF;

        folder_fd = openat(place_fd, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        if (folder_fd < 0)
                return;
        for (unsigned i = 0; i < N_UNIT_FILES; i++)
                (void) unlinkat(folder_fd, unit_file_to_name((UnitFile) i), 0);
        if (unlinkat(place_fd, name, AT_REMOVEDIR) < 0)
                log_warning_errno(errno, "the files of job %s cannot be removed: %m", name);
}

void unit_place_remove(int place_fd, uint64_t job_id) {
        char name[NAME_SIZE];

        remove_folder(place_fd, name_of("new-", job_id, name));
        remove_folder(place_fd, name_of("", job_id, name));
}

int unit_place_write(int place_fd, uint64_t job_id, const UnitPayload *payload) {
        _cleanup_(close_fd_at) int folder_fd = -EBADF;
        char name[NAME_SIZE], new_name[NAME_SIZE];
        int r;

        unit_place_remove(place_fd, job_id);
        if (mkdirat(place_fd, name_of("new-", job_id, new_name), 0700) < 0)
                return -errno;
        folder_fd = openat(place_fd, new_name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
        if (folder_fd < 0)
                return negative_errno();
        for (unsigned i = 0; i < N_UNIT_FILES; i++) {
                r = write_file(folder_fd, unit_file_to_name((UnitFile) i), payload->data[i], payload->size_bytes[i]);
                if (r < 0)
                        return r;
        }

        return renameat(place_fd, new_name, place_fd, name_of("", job_id, name)) < 0 ? -errno : 0;
}

int unit_record_write(int place_fd, const UnitRecord *record) {
        RecordFile file = { .magic = RECORD_MAGIC, .size_bytes = sizeof(file), .record = *record };
        char name[NAME_SIZE], new_name[NAME_SIZE];
        int r;

        (void) name_of(".new-", record->request.job_id, new_name);
        (void) unlinkat(place_fd, new_name, 0);
        r = write_file(place_fd, new_name, &file, sizeof(file));
        if (r >= 0 && renameat(place_fd, new_name, place_fd, name_of(".", record->request.job_id, name)) < 0)
                r = -errno;
        if (r < 0)
                (void) unlinkat(place_fd, new_name, 0);
        return r;
}

int unit_record_read(int place_fd, uint64_t job_id, UnitRecord *ret_record) {
        _cleanup_(free_at) char *bytes = NULL;
        char name[NAME_SIZE];
        size_t size_bytes;
        RecordFile file;
        int r;

        r = file_read(place_fd, name_of(".", job_id, name), sizeof(file), &bytes, &size_bytes);
        if (r < 0)
                return r;
        if (size_bytes != sizeof(file))
                return -EBADMSG;
        memcpy(&file, bytes, sizeof(file));
        if (file.magic != RECORD_MAGIC || file.size_bytes != sizeof(file) || file.record.request.job_id != job_id ||
            (unsigned) file.record.stage >= N_UNIT_STAGES)
                return -EBADMSG;

        *ret_record = file.record;
        return 0;
}

void unit_record_forget(int place_fd, uint64_t job_id) {
        char name[NAME_SIZE];

        if (place_fd < 0)
                return;
        unit_place_remove(place_fd, job_id);
        (void) unlinkat(place_fd, name_of(".", job_id, name), 0);
}

int unit_record_each(int place_fd, void (*call)(const UnitRecord *record, void *userdata), void *userdata) {
        _cleanup_(closedir_at) DIR *folder = NULL;
        int fd = openat(place_fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

        if (fd < 0)
                return -errno;
        folder = fdopendir(fd);
        if (!folder) {
                close_fd(fd);
                return negative_errno();
        }

        for (const struct dirent *entry; (entry = readdir(folder));) {
                UnitRecord record;
                uint64_t job_id;

                /* Of a process that was killed while it wrote; nobody writes now. */
                if (text_starts_with(entry->d_name, ".new-"))
                        (void) unlinkat(place_fd, entry->d_name, 0);
                if (entry->d_name[0] != '.' || number_parse_u64(entry->d_name + 1, 1, UINT64_MAX, &job_id) < 0)
                        continue;
                if (unit_record_read(place_fd, job_id, &record) >= 0)
                        call(&record, userdata);
                else
                        unit_record_forget(place_fd, job_id);
        }
        return 0;
}
