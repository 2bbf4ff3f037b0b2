"""The screen: finds personal data, secrets, attacks on prompts and what users list, in any text. It does no I/O."""
