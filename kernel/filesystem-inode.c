/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reaches an inode by its number: pins it, learns its generation and its owner, finds a path to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kernel/fanotify-abi.h"
#include "kernel/filesystem-probe.h"
#include "kernel/mount-abi.h"
#include "kernel/xfs-abi.h"
#include "src/basic/cleanup.h"
#include "src/basic/macro.h"
#include "src/basic/text.h"

/* Components of a path that are followed upwards, and names of one file (hard links) that are looked for. */
#define PATH_COMPONENTS_MAX 256
#define NAMES_MAX 65536

/* Some 60 records with the longest names. */
#define PARENTS_BUFFER_BYTES 16384

/* Types whose handles are a number and a generation of 32 bits each. */
static const char *const types_with_short_handles[] = { "ext2", "ext3", "ext4", "f2fs" };

#define SHORT_HANDLE_BYTES (2 * sizeof(uint32_t))

#define DIRECTORY_OPEN_FLAGS (O_RDONLY|O_DIRECTORY|O_CLOEXEC)

/* The record of one inode, named by its number or, with flags, by a word. */
static int bulkstat_one(int fd, uint64_t inode, uint32_t flags, struct abi_xfs_bulkstat *ret_status) {
        struct {
                struct abi_xfs_bulk_ireq header;
                struct abi_xfs_bulkstat inode;
        } request = {
                .header.ino = inode,
                .header.flags = flags,
                .header.icount = 1,
        };

        if (ioctl(fd, ABI_XFS_IOC_BULKSTAT, &request) < 0)
                return negative_errno();
        if (request.header.ocount != 1)
                return -ENOENT;

        *ret_status = request.inode;
        return 0;
}

int filesystem_inode_generation(int root_fd, uint64_t inode, uint32_t *ret_generation) {
        struct abi_xfs_bulkstat status = {};
        int r;

        r = bulkstat_one(root_fd, inode, 0, &status);
        if (r < 0)
                return r == -EUCLEAN || r == -EBADMSG || r == -ENOENT ? -ESTALE : r;
        /* It answers with the next one in use if this one is not. */
        if (status.bs_ino != inode)
                return -ESTALE;

        *ret_generation = status.bs_gen;
        return 0;
}

static int open_handle(int fd_of_mount, uint64_t inode, uint32_t generation, int flags) {
        union {
                struct file_handle header;
                char bytes[sizeof(struct file_handle) + ABI_XFS_FILEID_INO64_GEN_BYTES];
        } handle = {};
        int fd;

        handle.header.handle_bytes = ABI_XFS_FILEID_INO64_GEN_BYTES;
        handle.header.handle_type = ABI_XFS_FILEID_INO64_GEN;
        memcpy(handle.bytes + sizeof(struct file_handle), &inode, sizeof(inode));
        memcpy(handle.bytes + sizeof(struct file_handle) + sizeof(inode), &generation, sizeof(generation));

        fd = open_by_handle_at(fd_of_mount, &handle.header, flags);
        return fd < 0 ? -errno : fd;
}

int filesystem_inode_open(int root_fd, uint64_t inode, uint32_t generation) {
        int r;

        if (generation == 0) {
                r = filesystem_inode_generation(root_fd, inode, &generation);
                if (r < 0)
                        return r;
        }

        return open_handle(root_fd, inode, generation, O_PATH|O_CLOEXEC);
}

int filesystem_open_root_above(int fd) {
        struct abi_xfs_bulkstat root;
        int r;

        r = bulkstat_one(fd, ABI_XFS_BULK_IREQ_SPECIAL_ROOT, ABI_XFS_BULK_IREQ_SPECIAL, &root);
        if (r < 0)
                return r == -ENOTTY ? -EOPNOTSUPP : r;

        /* Only the owner of a directory and CAP_FOWNER may spare the access time. */
        r = open_handle(fd, root.bs_ino, root.bs_gen, DIRECTORY_OPEN_FLAGS|O_NOATIME);
        if (r == -EPERM)
                r = open_handle(fd, root.bs_ino, root.bs_gen, DIRECTORY_OPEN_FLAGS);
        return r == -ESTALE ? -EUCLEAN : r;
}

static int handle_of(int fd, struct abi_xfs_handle *ret_handle) {
        struct abi_xfs_handle handle = {};
        uint32_t handle_size = sizeof(handle);
        struct abi_xfs_fsop_handlereq request = {
                .fd = (uint32_t) fd,
                .ohandle = &handle,
                .ohandlen = &handle_size,
        };

        if (ioctl(fd, ABI_XFS_IOC_FD_TO_HANDLE, &request) < 0)
                return -errno;
        if (handle_size != sizeof(handle))
                return -EBADMSG;

        *ret_handle = handle;
        return 0;
}

static int owner_of_xfs(int root_fd, uint64_t inode, uint32_t generation, InodeOwner *ret_owner) {
        struct abi_xfs_bulkstat status;
        int r;

        r = bulkstat_one(root_fd, inode, 0, &status);
        if (r < 0)
                return r == -EUCLEAN || r == -EBADMSG || r == -ENOENT ? -ESTALE : r;
        if (status.bs_ino != inode || (generation != 0 && status.bs_gen != generation))
                return -ESTALE;

        *ret_owner = (InodeOwner) {
                .uid = status.bs_uid,
                .gid = status.bs_gid,
                .project = status.bs_projectid,
        };
        return 0;
}

static bool has_short_handles(const char *type) {
        for (size_t i = 0; i < ELEMENTSOF(types_with_short_handles); i++)
                if (text_equal(types_with_short_handles[i], type))
                        return true;

        return false;
}

static int open_short_handle(int root_fd, uint64_t inode, uint32_t generation) {
        uint32_t number = (uint32_t) inode;
        union {
                struct file_handle header;
                char bytes[sizeof(struct file_handle) + SHORT_HANDLE_BYTES];
        } handle = {};
        int fd;

        if (inode > UINT32_MAX)
                return -EOPNOTSUPP;
        handle.header.handle_bytes = SHORT_HANDLE_BYTES;
        handle.header.handle_type = ABI_FILEID_INO32_GEN;
        memcpy(handle.bytes + sizeof(struct file_handle), &number, sizeof(number));
        memcpy(handle.bytes + sizeof(struct file_handle) + sizeof(number), &generation, sizeof(generation));

        fd = open_by_handle_at(root_fd, &handle.header, O_PATH|O_CLOEXEC);
        return fd < 0 ? negative_errno() : fd;
}

/* What was opened by O_PATH tells no project. */
static int read_project(int path_fd, mode_t mode, uint32_t *ret_project) {
        _cleanup_(close_fd_at) int fd = -EBADF;
        struct abi_fsxattr attributes = {};
        char path[32];

        /* To open others is to do something. */
        if (!S_ISREG(mode) && !S_ISDIR(mode))
                return -EOPNOTSUPP;
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
        fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK|O_NOCTTY);
        if (fd < 0 || ioctl(fd, ABI_FS_IOC_FSGETXATTR, &attributes) < 0)
                return negative_errno();

        *ret_project = attributes.fsx_projid;
        return 0;
}

static int owner_by_handle(int root_fd, uint64_t inode, uint32_t generation, bool with_project, InodeOwner *ret_owner) {
        _cleanup_(close_fd_at) int fd = open_short_handle(root_fd, inode, generation);
        InodeOwner owner = { .project_error = EOPNOTSUPP };
        struct stat status;

        if (fd < 0)
                return fd;
        if (fstat(fd, &status) < 0)
                return negative_errno();

        owner.uid = status.st_uid;
        owner.gid = status.st_gid;
        if (with_project)
                owner.project_error = -read_project(fd, status.st_mode, &owner.project);
        *ret_owner = owner;
        return 0;
}

int filesystem_inode_owner(int root_fd, const char *type, uint64_t inode, uint32_t generation, bool with_project,
                           InodeOwner *ret_owner) {
        if (text_equal(type, "xfs"))
                return owner_of_xfs(root_fd, inode, generation, ret_owner);
        if (has_short_handles(type))
                return owner_by_handle(root_fd, inode, generation, with_project, ret_owner);

        return -EOPNOTSUPP;
}

/* One answer of the kernel: the records lie in the buffer one behind the other. */
typedef struct Parents {
        struct abi_xfs_getparents_by_handle request;
        uint64_t buffer[PARENTS_BUFFER_BYTES / sizeof(uint64_t)];
} Parents;

/* A path grows from its end towards the front. */
typedef struct Path {
        size_t start;
        char text[PATH_MAX];
} Path;

static int ask_parents(int root_fd, const struct abi_xfs_handle *handle, Parents *parents) {
        parents->request = (struct abi_xfs_getparents_by_handle) {
                .gph_handle = *handle,
                .gph_request.gp_bufsize = sizeof(parents->buffer),
                .gph_request.gp_buffer = (uintptr_t) parents->buffer,
        };

        if (ioctl(root_fd, ABI_XFS_IOC_GETPARENTS_BY_HANDLE, &parents->request) < 0)
                /* No parent pointers on this file system, or a kernel that does not know them. */
                return errno == EOPNOTSUPP || errno == ENOTTY ? -ENODATA : -errno;

        return 0;
}

static bool is_root(const Parents *parents) {
        return parents->request.gph_request.gp_oflags & ABI_XFS_GETPARENTS_OFLAG_ROOT;
}

/* The record at @offset, or NULL behind the last one; moves @offset to the next. An answer without records is one
 * record without a name, and the last one fills the buffer. Nothing outside of it is believed. */
static const struct abi_xfs_getparents_rec *next_record(const Parents *parents, size_t *offset) {
        const struct abi_xfs_getparents_rec *record;
        size_t room = sizeof(parents->buffer) - *offset;

        if (room <= sizeof(*record))
                return NULL;

        record = (const void *) ((const char *) parents->buffer + *offset);
        if (record->gpr_reclen <= sizeof(*record) || record->gpr_reclen > room ||
            record->gpr_reclen % sizeof(uint64_t) != 0 || record->gpr_name[0] == '\0' ||
            !memchr(record->gpr_name, '\0', record->gpr_reclen - sizeof(*record)))
                return NULL;

        *offset += record->gpr_reclen;
        return record;
}

static int prepend(Path *path, const char *name) {
        size_t length = strlen(name);

        if (strchr(name, '/'))
                return -EBADMSG;
        if (length + 1 > path->start)
                return -ENAMETOOLONG;

        path->start -= length;
        memcpy(path->text + path->start, name, length);
        path->text[--path->start] = '/';
        return 0;
}

/* From a directory up to the root; directories have one parent. Returns 0 if the root was reached. */
static int climb(int root_fd, struct abi_xfs_handle handle, Path *path) {
        _cleanup_(free_at) Parents *parents = calloc(1, sizeof(*parents));
        int r;

        if (!parents)
                return -ENOMEM;

        for (unsigned i = 0; i < PATH_COMPONENTS_MAX; i++) {
                const struct abi_xfs_getparents_rec *record;
                size_t offset = 0;

                r = ask_parents(root_fd, &handle, parents);
                if (r < 0)
                        return r;
                if (is_root(parents))
                        return 0;

                record = next_record(parents, &offset);
                if (!record)
                        return -ENODATA;

                r = prepend(path, record->gpr_name);
                if (r < 0)
                        return r;
                handle = record->gpr_parent;
        }

        return -ENODATA;
}

/* The first names of an inode. */
static int begin_names(int root_fd, uint64_t inode, uint32_t generation, Parents *parents) {
        struct abi_xfs_handle handle;
        int r;

        if (generation == 0) {
                r = filesystem_inode_generation(root_fd, inode, &generation);
                if (r < 0)
                        return r;
        }

        r = handle_of(root_fd, &handle);
        if (r < 0)
                return r;
        handle.ha_fid = (struct abi_xfs_fid) { .fid_len = ABI_XFS_FID_LEN, .fid_gen = generation, .fid_ino = inode };
        return ask_parents(root_fd, &handle, parents);
}

/* Returns 1 if there are more, 0 behind the last ones. */
static int further_names(int root_fd, Parents *parents) {
        struct abi_xfs_getparents *request = &parents->request.gph_request;

        if (request->gp_oflags & (ABI_XFS_GETPARENTS_OFLAG_DONE | ABI_XFS_GETPARENTS_OFLAG_ROOT))
                return 0;
        request->gp_bufsize = sizeof(parents->buffer);
        request->gp_oflags = 0;
        if (ioctl(root_fd, ABI_XFS_IOC_GETPARENTS_BY_HANDLE, &parents->request) < 0)
                return negative_errno();
        return 1;
}

static int name_one(int root_fd, const struct abi_xfs_getparents_rec *record, InodeNamed named, void *userdata) {
        Path path = { .start = PATH_MAX - 1 };
        int r;

        r = prepend(&path, record->gpr_name);
        if (r >= 0)
                r = climb(root_fd, record->gpr_parent, &path);
        return r < 0 ? r : named(userdata, path.text + path.start);
}

int filesystem_inode_names(int root_fd, uint64_t inode, uint32_t generation, InodeNamed named, void *userdata,
                           size_t *ret_n_lost) {
        _cleanup_(free_at) Parents *parents = calloc(1, sizeof(*parents));
        int r, failure = -ENODATA, n_found = 0;

        *ret_n_lost = 0;
        if (!parents)
                return -ENOMEM;
        r = begin_names(root_fd, inode, generation, parents);
        if (r < 0)
                return r;
        if (is_root(parents)) {
                r = named(userdata, "/");
                return r < 0 ? r : 1;
        }

        do {
                const struct abi_xfs_getparents_rec *record;
                size_t offset = 0;

                while ((record = next_record(parents, &offset))) {
                        r = name_one(root_fd, record, named, userdata);
                        if (r == -ECANCELED || r == -ENOMEM)
                                return r;
                        if (r < 0)
                                failure = r;
                        *ret_n_lost += r < 0;
                        n_found += r >= 0;
                }
                r = further_names(root_fd, parents);
        } while (r > 0 && (size_t) n_found + *ret_n_lost < NAMES_MAX);

        return n_found > 0 ? n_found : failure;
}

static int keep_name(void *userdata, const char *path) {
        char **kept = userdata;

        *kept = strdup(path);
        return *kept ? -ECANCELED : -ENOMEM;
}

int filesystem_inode_path(int root_fd, uint64_t inode, uint32_t generation, char **ret_path) {
        char *path = NULL;
        size_t n_lost;
        int r;

        /* Any one name will do: the next is tried if a directory above this one is damaged. */
        r = filesystem_inode_names(root_fd, inode, generation, keep_name, &path, &n_lost);
        if (!path)
                return r;
        *ret_path = path;
        return 0;
}

int filesystem_inode_mode(int root_fd, uint64_t inode, uint32_t generation, uint16_t *ret_mode) {
        struct abi_xfs_bulkstat status = {};
        int r;

        r = bulkstat_one(root_fd, inode, 0, &status);
        if (r < 0)
                return r == -EUCLEAN || r == -EBADMSG || r == -ENOENT ? -ESTALE : r;
        if (status.bs_ino != inode || (generation != 0 && status.bs_gen != generation))
                return -ESTALE;

        *ret_mode = status.bs_mode;
        return 0;
}
