/* leaker.exe EVENTS FILES KEYS RATE: opens that number of handles of each type, writes "ready" into the file ready-PID, then opens RATE
   more events each second until the file stop exists. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static void must(int done, const char *what) {
    if (done) return;
    fprintf(stderr, "leaker: %s: error %lu\n", what, GetLastError());
    ExitProcess(9);
}

int main(int count, char **words) {
    char name[64];
    HKEY key;
    must(count == 5, "usage: leaker EVENTS FILES KEYS RATE");
    double rate = atof(words[4]), given = 0;
    for (int n = atoi(words[1]); n > 0; n--) must(CreateEventA(NULL, FALSE, FALSE, NULL) != NULL, "CreateEvent");
    for (int n = atoi(words[2]); n > 0; n--)
        must(CreateFileA("C:\\windows\\win.ini", GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL) != INVALID_HANDLE_VALUE, "CreateFile");
    for (int n = atoi(words[3]); n > 0; n--)
        must(RegOpenKeyExA(HKEY_LOCAL_MACHINE, "Software", 0, KEY_READ, &key) == ERROR_SUCCESS, "RegOpenKeyEx");
    ULONGLONG start = GetTickCount64();
    snprintf(name, sizeof name, "ready-%lu", GetCurrentProcessId());
    HANDLE ready = CreateFileA(name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
    must(ready != INVALID_HANDLE_VALUE, name);
    CloseHandle(ready);
    while (GetFileAttributesA("stop") == INVALID_FILE_ATTRIBUTES) {
        for (; given < (double)(GetTickCount64() - start) / 1000 * rate; given++)
            must(CreateEventA(NULL, FALSE, FALSE, NULL) != NULL, "CreateEvent");
        Sleep(50);
    }
    return 0;
}
