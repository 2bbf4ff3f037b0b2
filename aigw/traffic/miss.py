def differences(a, b):
    return []


def divergence(name, d):
    return f"{name} diverged"


def explained(what, folder, near):
    return f"{what}: no recording in {folder}"


def nearest(v, c):
    return None
