/* A callback that stops what it was called by: the real library deadlocks there, the stand-in says so and aborts. */
#include <stdio.h>
#include <unistd.h>

#include "../standin/hcnetsdk.h"

BOOL NET_DVR_Init(void);
LONG NET_DVR_Login_V40(NET_DVR_USER_LOGIN_INFO *, NET_DVR_DEVICEINFO_V40 *);
BOOL NET_DVR_SetDVRMessageCallBack_V31(AlarmCB31, void *);
LONG NET_DVR_SetupAlarmChan_V41(LONG, NET_DVR_SETUPALARM_PARAM *);
BOOL NET_DVR_CloseAlarmChan_V30(LONG);
int fake_alarm(LONG, const char *, DWORD);

static BOOL on_alarm(LONG command, NET_DVR_ALARMER *alarmer, char *info, DWORD length, void *context) {
    (void)command, (void)alarmer, (void)info, (void)length, (void)context;
    return NET_DVR_CloseAlarmChan_V30(0);
}

int main(void) {
    NET_DVR_USER_LOGIN_INFO login = {.sDeviceAddress = "192.0.2.1", .sUserName = "admin", .sPassword = "stand-in"};
    NET_DVR_SETUPALARM_PARAM arm = {.dwSize = sizeof arm};
    NET_DVR_DEVICEINFO_V40 device;
    NET_DVR_Init();
    NET_DVR_SetDVRMessageCallBack_V31(on_alarm, NULL);
    NET_DVR_SetupAlarmChan_V41(NET_DVR_Login_V40(&login, &device), &arm);
    fake_alarm(0, "NET_DVR_ALARMINFO_V30", 0);
    sleep(10);
    return 0;
}
