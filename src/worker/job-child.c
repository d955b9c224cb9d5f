/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the child of a job says to its loop. Apart from the loop, so that children of other programs can say it, too.
 */

#include "src/basic/text.h"
#include "src/worker/job.h"

int job_report_result(int report_fd, const WorkerJobResult *result) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result = *result;
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF);
}

int job_report_started(int report_fd, const char *detail) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_STARTED);
        (void) text_copy(message.result.detail, sizeof(message.result.detail), detail);
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF);
}
