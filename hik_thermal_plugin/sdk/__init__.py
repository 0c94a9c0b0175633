"""The vendor's library (HCNetSDK) through ctypes: the guide's second transport. The library is the user's own copy and never part of this."""
