/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The errnos of Linux by name. Not strerrorname_np(): policies must mean the same with every C library.
 * Source: include/uapi/asm-generic/errno-base.h and errno.h; the values are those of the machine we are built for.
 */
#include "src/model/vocabulary.h"

#define ROW(name) { name, #name }

static const struct ErrnoName {
        int value;
        const char *name;
} errno_names[] = {
        ROW(EPERM), ROW(ENOENT), ROW(ESRCH), ROW(EINTR), ROW(EIO), ROW(ENXIO), ROW(E2BIG),
        ROW(ENOEXEC), ROW(EBADF), ROW(ECHILD), ROW(EAGAIN), ROW(ENOMEM), ROW(EACCES), ROW(EFAULT),
        ROW(ENOTBLK), ROW(EBUSY), ROW(EEXIST), ROW(EXDEV), ROW(ENODEV), ROW(ENOTDIR), ROW(EISDIR),
        ROW(EINVAL), ROW(ENFILE), ROW(EMFILE), ROW(ENOTTY), ROW(ETXTBSY), ROW(EFBIG), ROW(ENOSPC),
        ROW(ESPIPE), ROW(EROFS), ROW(EMLINK), ROW(EPIPE), ROW(EDOM), ROW(ERANGE), ROW(EDEADLK),
        ROW(ENAMETOOLONG), ROW(ENOLCK), ROW(ENOSYS), ROW(ENOTEMPTY), ROW(ELOOP), ROW(ENOMSG),
        ROW(EIDRM), ROW(ECHRNG), ROW(EL2NSYNC), ROW(EL3HLT), ROW(EL3RST), ROW(ELNRNG),
        ROW(EUNATCH), ROW(ENOCSI), ROW(EL2HLT), ROW(EBADE), ROW(EBADR), ROW(EXFULL), ROW(ENOANO),
        ROW(EBADRQC), ROW(EBADSLT), ROW(EBFONT), ROW(ENOSTR), ROW(ENODATA), ROW(ETIME),
        ROW(ENOSR), ROW(ENONET), ROW(ENOPKG), ROW(EREMOTE), ROW(ENOLINK), ROW(EADV), ROW(ESRMNT),
        ROW(ECOMM), ROW(EPROTO), ROW(EMULTIHOP), ROW(EDOTDOT), ROW(EBADMSG), ROW(EOVERFLOW),
        ROW(ENOTUNIQ), ROW(EBADFD), ROW(EREMCHG), ROW(ELIBACC), ROW(ELIBBAD), ROW(ELIBSCN),
        ROW(ELIBMAX), ROW(ELIBEXEC), ROW(EILSEQ), ROW(ERESTART), ROW(ESTRPIPE), ROW(EUSERS),
        ROW(ENOTSOCK), ROW(EDESTADDRREQ), ROW(EMSGSIZE), ROW(EPROTOTYPE), ROW(ENOPROTOOPT),
        ROW(EPROTONOSUPPORT), ROW(ESOCKTNOSUPPORT), ROW(EOPNOTSUPP), ROW(EPFNOSUPPORT),
        ROW(EAFNOSUPPORT), ROW(EADDRINUSE), ROW(EADDRNOTAVAIL), ROW(ENETDOWN), ROW(ENETUNREACH),
        ROW(ENETRESET), ROW(ECONNABORTED), ROW(ECONNRESET), ROW(ENOBUFS), ROW(EISCONN),
        ROW(ENOTCONN), ROW(ESHUTDOWN), ROW(ETOOMANYREFS), ROW(ETIMEDOUT), ROW(ECONNREFUSED),
        ROW(EHOSTDOWN), ROW(EHOSTUNREACH), ROW(EALREADY), ROW(EINPROGRESS), ROW(ESTALE),
        ROW(EUCLEAN), ROW(ENOTNAM), ROW(ENAVAIL), ROW(EISNAM), ROW(EREMOTEIO), ROW(EDQUOT),
        ROW(ENOMEDIUM), ROW(EMEDIUMTYPE), ROW(ECANCELED), ROW(ENOKEY), ROW(EKEYEXPIRED),
        ROW(EKEYREVOKED), ROW(EKEYREJECTED), ROW(EOWNERDEAD), ROW(ENOTRECOVERABLE), ROW(ERFKILL),
        ROW(EHWPOISON),
#ifdef EFTYPE /* Linux 7 */
        ROW(EFTYPE),
#endif
};

/* Second names: understood, never written. */
static const struct ErrnoName errno_aliases[] = {
        ROW(EWOULDBLOCK), ROW(EDEADLOCK), ROW(ENOTSUP),
        { EUCLEAN, "EFSCORRUPTED" }, /* what XFS and ext4 call it */
        { EBADMSG, "EFSBADCRC" },    /* and that */
};

const char *errno_to_name(int error) {
        for (size_t i = 0; i < ELEMENTSOF(errno_names); i++)
                if (errno_names[i].value == error)
                        return errno_names[i].name;

        return NULL;
}

static int errno_find(const struct ErrnoName *rows, size_t n_rows, const char *name, int *ret_error) {
        for (size_t i = 0; i < n_rows; i++)
                if (strcmp(rows[i].name, name) == 0) {
                        *ret_error = rows[i].value;
                        return 0;
                }

        return -EINVAL;
}

int errno_from_name(const char *name, int *ret_error) {
        int r;

        r = errno_find(errno_names, ELEMENTSOF(errno_names), name, ret_error);
        if (r < 0)
                r = errno_find(errno_aliases, ELEMENTSOF(errno_aliases), name, ret_error);
        return r;
}
