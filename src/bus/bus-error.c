/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See bus-error.h. Text in an answer has to be UTF-8, or the answer could not be sent: what comes from elsewhere is
 * made so here, once for all callers.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/basic/cleanup.h"
#include "src/bus/bus-error.h"
#include "src/bus/bus-names.h"
#include "src/bus/bus-text.h"

/* Policy problems come as one text of many lines; more than this helps nobody. */
#define ERROR_TEXT_SIZE 8192

static const struct {
        int error;
        const char *name;
} error_names[] = {
        { EACCES,       BUS_ERROR_REFUSED },
        { EBADMSG,      BUS_ERROR_POLICY_INVALID },
        { EBUSY,        BUS_ERROR_BUSY },
        { EINVAL,       SD_BUS_ERROR_INVALID_ARGS },
        { ENODATA,      BUS_ERROR_NO_SUCH_EVENT },
        { ENOBUFS,      SD_BUS_ERROR_LIMITS_EXCEEDED },
        { ENOENT,       BUS_ERROR_NO_SUCH_FILESYSTEM },
        { ENOLINK,      BUS_ERROR_NO_HISTORY },
        { ENOMEM,       SD_BUS_ERROR_NO_MEMORY },
        { ENOMSG,       BUS_ERROR_NO_SUCH_CONDITION },
        { ENOTCONN,     BUS_ERROR_NO_WORKER },
        { ENOTTY,       BUS_ERROR_NOT_SUPPORTED },
        { ENOTUNIQ,     BUS_ERROR_NO_SUCH_FILESYSTEM },
        { ENXIO,        BUS_ERROR_NO_SUCH_SILENCE },
        { EOPNOTSUPP,   BUS_ERROR_NOT_SUPPORTED },
        { EPERM,        SD_BUS_ERROR_ACCESS_DENIED },
        { EROFS,        BUS_ERROR_READ_ONLY },
        { ESHUTDOWN,    BUS_ERROR_SHUT_DOWN },
        { ESRCH,        BUS_ERROR_NO_SUCH_JOB },
};

const char *bus_error_name(int error) {
        for (size_t i = 0; i < ELEMENTSOF(error_names); i++)
                if (error_names[i].error == abs(error))
                        return error_names[i].name;

        return BUS_ERROR_FAILED;
}

int bus_error_set(sd_bus_error *error, int r, const char *format, ...) {
        _cleanup_(free_at) char *clean = NULL;
        char text[ERROR_TEXT_SIZE];
        va_list arguments;

        va_start(arguments, format);
        (void) vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);

        /* A name alone is better than no answer. */
        if (bus_text_clean(text, BUS_TEXT_LINES, &clean) < 0)
                return sd_bus_error_set(error, bus_error_name(r), NULL);

        return sd_bus_error_set(error, bus_error_name(r), clean);
}
