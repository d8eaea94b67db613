// Runs the cells that the command line names, and prints of each how it went.
//
// Arguments: port, "proxy" or "control", cells. A cell that is not in the table is one that the
// library has no use for. A cell returns what is wrong, or nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int port;
static int is_control;
static char why[600];

#define EXPECT(condition, ...)                                   \
    do {                                                         \
        if (!(condition)) {                                      \
            snprintf(why, sizeof why, __VA_ARGS__);              \
            return why;                                          \
        }                                                        \
    } while (0)

struct cell {
    const char *name;
    const char *(*function)(void);
};

static int run(int count, char **words, const char *version, const struct cell *cells) {
    port = atoi(words[1]);
    is_control = !strcmp(words[2], "control");
    printf("version %s\n", version);
    for (int at = 3; at < count; at++) {
        const struct cell *cell = cells;
        while (cell->name && strcmp(cell->name, words[at])) cell++;
        if (!cell->name) {
            printf("%s none\n", words[at]);
        } else {
            const char *wrong = cell->function();
            for (char *byte = why; *byte; byte++)
                if (*byte == '\n' || *byte == '\r') *byte = ' ';
            if (wrong) printf("%s fail %s\n", words[at], wrong);
            else printf("%s ok\n", words[at]);
        }
        fflush(stdout);
    }
    return 0;
}
