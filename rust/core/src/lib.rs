//! OmniLytics core.
