# Completion of ovpn3 for fish.
# To install it: ovpn3 autocomplete --install fish
# For this shell only: ovpn3 autocomplete fish | source

function __ovpn3_complete
    # fish 4 has another name for it
    set -l words (commandline -xpc 2>/dev/null; or commandline -opc)
    set -l current (commandline -ct)
    command ovpn3 --complete fish "$current" $words[2..] 2>/dev/null </dev/null
end
complete -c ovpn3 -f -a '(__ovpn3_complete)'
